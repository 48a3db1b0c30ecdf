import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import type { ScratchAttempt } from "../executor-acceptance.ts";
import { scratchAttempt } from "../executor-acceptance.ts";
import { BLOCK_STEPS, floatWork, integerWork, workRate } from "./cpu-workload.ts";
import { DiskTest } from "./disk-test.ts";
import { gpuHealth } from "./gpu-health.ts";
import { patterns, testMemory, wrongBits } from "./memory-test.ts";
import { inThreads } from "./self-test-threads.ts";

let attempt: ScratchAttempt;
beforeEach(async () => {
  attempt = await scratchAttempt();
  await mkdir(attempt.context.workDir, { recursive: true });
});
afterEach(() => attempt.remove());
const short = { seconds: 0, clock: systemClock };

test.each([integerWork, floatWork])("a processor that computes wrong is found (workload %#)", (work) => {
  expect(workRate(work, short)).toMatchObject({ blocks: 1, wrongBlocks: 0 });
  // One step less, or one bit in one step, and the checksum is another.
  const broken = { ...work, run: (steps: number) => work.run(steps - 1) };
  expect(workRate(broken, short)).toMatchObject({ blocks: 1, wrongBlocks: 1 });
  expect(work.run(BLOCK_STEPS)).toBe(work.checksum);
});

test("threads work at the same time, and end when told to", async () => {
  const rates = await inThreads({ test: "integer", seconds: 0.01 }, { count: 2, signal: attempt.context.signal });
  expect(rates.map(({ wrongBlocks }) => wrongBlocks)).toEqual([0, 0]);
  for (const { mops } of rates) expect(mops).toBeGreaterThan(0);
  const running = inThreads({ test: "integer", seconds: 3_600 }, { count: 1, signal: attempt.context.signal });
  attempt.abort("cancelled");
  await expect(running).rejects.toThrow("aborted");
});

test("memory that loses or turns a bit is found by every pattern", () => {
  expect(testMemory(2, short)).toMatchObject({ testedMb: 2, wrongBits: 0 });
  const words = new Uint32Array(1_000);
  for (const pattern of patterns) {
    pattern.fill(words);
    expect(wrongBits(words, pattern), pattern.name).toBe(0);
    words[17] = (words[17] as number) ^ 0x8000_0001;
    expect(wrongBits(words, pattern), pattern.name).toBe(2);
  }
  // A stuck address line: one word is another's.
  const address = patterns.at(-1);
  address?.fill(words);
  words[512] = words[0] as number;
  expect(address === undefined ? 0 : wrongBits(words, address)).toBeGreaterThan(0);
});

test("a disk that gives back something else, or less, is found", async () => {
  const path = join(attempt.context.workDir, "file");
  const { signal } = attempt.context;
  const disk = new DiskTest(path, { seconds: 60, chunks: 3, clock: systemClock, signal });
  expect(await disk.write()).toBeGreaterThan(0);
  expect(disk.writtenMb).toBe(3);
  expect(await disk.read()).toMatchObject({ wrongChunks: 0 });
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(1_500_000) ^ 1, 1_500_000);
  await writeFile(path, bytes.subarray(0, 2_999_999));
  expect(await disk.read()).toMatchObject({ wrongChunks: 2 });
});

// Stands for the tool of a GPU that this machine does not have; the lines are of the format that nvidia-smi documents.
test.skipIf(process.platform === "win32")("what nvidia-smi says is read, what it does not say is null", async () => {
  const tool = join(attempt.context.workDir, "nvidia-smi");
  const lines = [
    "0, NVIDIA H100 80GB HBM3, GPU-1, 550.54.15, 41, 0, Not Active, Not Active, Not Active, Not Active",
    "1, NVIDIA GeForce RTX 4090, GPU-2, 550.54.15, 83, [N/A], Active, Active, Not Active, [Not Supported]",
  ];
  await writeFile(tool, `#!/bin/sh\ncat <<'END'\n${lines.join("\n")}\nEND\n`);
  await chmod(tool, 0o755);
  const { signal } = attempt.context;
  const found = await gpuHealth({ PATH: `${attempt.context.workDir}:${process.env["PATH"]}` }, signal);
  expect(found).toMatchObject([
    { index: 0, name: "NVIDIA H100 80GB HBM3", temperatureCelsius: 41, uncorrectedEccErrors: 0, throttledBy: [] },
    {
      index: 1,
      temperatureCelsius: 83,
      uncorrectedEccErrors: null,
      throttledBy: ["hw_slowdown", "hw_thermal_slowdown"],
    },
  ]);
  expect(await gpuHealth({ PATH: "/nowhere" }, signal)).toEqual([]);
});
