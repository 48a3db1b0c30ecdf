import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRng } from "../../src/base/index.ts";
import { Corpus } from "./corpus.ts";
import { Findings } from "./findings.ts";
import { FuzzApi } from "./fuzz-api.ts";
import { FuzzCoordinator } from "./fuzz-coordinator.ts";
import { FuzzWorker } from "./fuzz-worker.ts";

const WORKERS = 8;
const FRAMES_PER_TURN = 64;
const BODIES_PER_TURN = 4;
const TURN_MS = 100;
const CHECK_EVERY_TURNS = 40;
const FLUSH_EVERY_TURNS = 10;
const CORPUS = 2_000;
/** Frames that one coordinator gets before the next one begins: its journal stays in memory. */
const FRAMES_PER_COORDINATOR = 20_000;

/** Feeds so many frames, and some API bodies in between, to one coordinator after another. The same seed gives the same frames. */
export async function fuzz(options: {
  frames: number;
  seed: number;
  onProgress?: (findings: Findings) => void;
}): Promise<Findings> {
  const findings = new Findings();
  const stray = (error: unknown): void => findings.crash("nobody handled an error", error);
  process.on("unhandledRejection", stray).on("uncaughtException", stray);
  try {
    const corpus = new Corpus(CORPUS, options.seed);
    for (let round = 0; findings.frames < options.frames; round += 1) {
      const frames = Math.min(FRAMES_PER_COORDINATOR, options.frames - findings.frames);
      await fuzzOne({ findings, corpus, frames, seed: options.seed * 100_003 + round });
      options.onProgress?.(findings);
    }
  } finally {
    process.off("unhandledRejection", stray).off("uncaughtException", stray);
  }
  return findings;
}

async function fuzzOne(given: { findings: Findings; corpus: Corpus; frames: number; seed: number }): Promise<void> {
  const { findings, corpus, seed } = given;
  const rng = seededRng(seed);
  const folder = await mkdtemp(join(tmpdir(), "assay-fuzz-"));
  try {
    const coordinator = await FuzzCoordinator.start(findings, join(folder, "results.duckdb"));
    const api = await FuzzApi.start({ coordinator, findings, rng, folder: join(folder, "blobs") });
    const accept = coordinator.accept.bind(coordinator);
    const workers = Array.from(
      { length: WORKERS },
      (_, index) => new FuzzWorker({ id: `w${index}`, rng, findings, corpus, accept }),
    );
    const until = findings.frames + given.frames;
    for (let turns = 1; findings.frames < until; turns += 1) {
      for (let count = 0; count < FRAMES_PER_TURN; count += 1) workers[rng.below(WORKERS)]?.act();
      await coordinator.turn(TURN_MS);
      if (turns % FLUSH_EVERY_TURNS === 0) await coordinator.results.flush();
      for (let count = 0; count < BODIES_PER_TURN; count += 1) await api.act();
      if (turns % CHECK_EVERY_TURNS === 0) coordinator.check();
    }
    for (const worker of workers) worker.cut();
    await coordinator.end();
    await api.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
