import { execFileSync } from "node:child_process";
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { seededRng } from "../src/base/index.ts";
import { quantile } from "../src/stats/index.ts";
import type { Fleet } from "./suite-fleet.ts";

const FOLDERS = 100;
const FILES_EACH = 100;
const ROUNDS = 5;

interface Told {
  workspace: { files: number; sent_files: number; sent_bytes: number; seconds: number };
  counts: Record<string, number>;
}

/**
 * What it takes to have 10,000 files on a coordinator again when one was changed: seconds of the snapshot and of sending, within a whole
 * `assay test`, and bytes sent, questions included.
 */
export async function reship(fleet: Fleet, folder: string): Promise<Record<string, number>> {
  await project(folder);
  const run = (): Told["workspace"] => {
    const [program = "", ...args] = fleet.testCommand(folder);
    const output = execFileSync(program, args, {
      cwd: folder,
      maxBuffer: 2 ** 28,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const told = JSON.parse(output.toString()) as Told;
    if (told.counts["passed"] !== 1) throw new Error(`the test did not pass: ${JSON.stringify(told.counts)}`);
    return told.workspace;
  };
  const first = run();
  const again: Told["workspace"][] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await appendFile(join(folder, `part-${round}`, `file-${round}.txt`), "changed\n");
    const shipped = run();
    if (shipped.sent_files !== 1) throw new Error(`${shipped.sent_files} files were sent instead of one`);
    console.log(`${shipped.files} files, one changed: ${shipped.seconds.toFixed(2)} s, ${shipped.sent_bytes} bytes`);
    again.push(shipped);
  }
  return {
    first_ship_s: first.seconds,
    reship_s: quantile(
      again.map(({ seconds }) => seconds),
      0.5,
    ),
    reship_kb: Math.max(...again.map(({ sent_bytes: bytes }) => bytes)) / 1_000,
  };
}

/** A repository of text files of 100 bytes to 8 KB, and one test. */
async function project(folder: string): Promise<void> {
  const rng = seededRng(1);
  for (let part = 0; part < FOLDERS; part += 1) {
    await mkdir(join(folder, `part-${part}`), { recursive: true });
    for (let file = 0; file < FILES_EACH; file += 1) {
      const line = `${part} ${file} ${rng.next()}\n`;
      await writeFile(join(folder, `part-${part}`, `file-${file}.txt`), line.repeat(4 + rng.below(300)));
    }
  }
  await writeFile(join(folder, "assay.yaml"), "suites:\n  - framework: node-test\n");
  await writeFile(join(folder, "one.test.mjs"), 'import { test } from "node:test";\ntest("one", () => {});\n');
  for (const args of [["init"], ["add", "."]]) execFileSync("git", args, { cwd: folder, stdio: "ignore" });
}
