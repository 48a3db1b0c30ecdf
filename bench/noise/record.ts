import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quantile } from "../../src/stats/index.ts";

/**
 * Records the noise of four real workloads: each value is the median of a few timings, as a benchmark's result is, in milliseconds. Takes turns, so
 * that all four see the same machine. Rewrites `recorded.json`.
 */
const VALUES = 400;
const root = mkdtempSync(join(tmpdir(), "assay-noise-"));
const bytes = new Uint8Array(2 ** 20).fill(7);
const file = openSync(join(root, "synced"), "w");

const workloads: Record<string, { timings: number; run: () => void }> = {
  process_start: { timings: 1, run: () => void spawnSync("/bin/sh", ["-c", "exit 0"]) },
  file_sync: {
    timings: 3,
    run: () => {
      writeSync(file, bytes.subarray(0, 4_096), 0, 4_096, 0);
      fsyncSync(file);
    },
  },
  hashing: { timings: 5, run: () => void createHash("sha256").update(bytes).digest() },
  allocation: {
    timings: 5,
    run: () => void Array.from({ length: 50_000 }, (_, index) => ({ index })).sort((a, b) => b.index - a.index),
  },
};

function timed(run: () => void): number {
  const startedMs = performance.now();
  run();
  return performance.now() - startedMs;
}

const recorded: Record<string, number[]> = Object.fromEntries(Object.keys(workloads).map((name) => [name, []]));
try {
  for (let value = 0; value < VALUES; value += 1)
    for (const [name, { timings, run }] of Object.entries(workloads)) {
      const middle = quantile(
        Array.from({ length: timings }, () => timed(run)),
        0.5,
      );
      recorded[name]?.push(Math.round(middle * 1e4) / 1e4);
    }
} finally {
  closeSync(file);
  rmSync(root, { recursive: true });
}
writeFileSync(join(import.meta.dirname, "recorded.json"), `${JSON.stringify(recorded)}\n`);
