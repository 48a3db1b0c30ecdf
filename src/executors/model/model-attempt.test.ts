import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import { MAX_PAYLOAD_CHARACTERS } from "../../contracts/index.ts";
import { resolveModel } from "../../models/index.ts";
import { measuredUnder, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { Checkpoint, Resumption } from "./checkpoint.ts";
import type { ModelRunProgress, ModelRunRequest } from "./messages.ts";
import { attemptModel } from "./model-attempt.ts";
import type { ModelAttemptOptions, ModelAttemptOutcome } from "./model-attempt.ts";
import { runModel } from "./model-driver.ts";

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "assay-recovery-"));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

function requestFor(changes: Partial<ModelRunRequest>): ModelRunRequest {
  return {
    model: "tiny-vit",
    cacheDir,
    precision: "fp32",
    backend: "ort-node/cpu",
    threads: 1,
    batchSizes: [1, 2],
    iterations: 2,
    minDurationMs: 0,
    warmupIterations: 0,
    sequenceLength: 16,
    seed: 0,
    ...changes,
  };
}

/** Runs an attempt; writes down the batch sizes that were begun and the last payload. */
async function attempt(
  changes: Partial<ModelRunRequest>,
  options: Partial<Omit<ModelAttemptOptions, "onProgress">> & {
    onProgress?: (progress: ModelRunProgress, pid: number) => void;
    oomKills?: () => number;
  } = {},
): Promise<{ outcome: ModelAttemptOutcome; begun: number[]; payload: string; processes: number }> {
  const { oomKills } = options;
  const request = requestFor(changes);
  const seen = { begun: [] as number[], payload: "", processes: 0 };
  let pid = 0;
  const outcome = await attemptModel(request, {
    run: (wanted, watch) =>
      runModel(wanted, { env: process.env, clock: systemClock, ...(oomKills && { oomKills }), ...watch }),
    under: measuredUnder(request, "this machine"),
    resumption: { kind: "none" },
    launches: 1,
    onCheckpoint: (payload) => void (seen.payload = payload),
    ...options,
    onProgress: (progress) => {
      if (progress.stage === "started") [pid, seen.processes] = [progress.pid, seen.processes + 1];
      if (progress.stage === "batch_started") seen.begun.push(progress.batchSize);
      options.onProgress?.(progress, pid);
    },
  });
  return { outcome, ...seen };
}

function sizesOf(outcome: ModelAttemptOutcome): number[] {
  const batches = outcome.status === "completed" ? outcome.report.batches : outcome.partial.batches;
  return batches.map(({ batchSize }) => batchSize);
}

describe("out of memory", () => {
  const prlimit = process.platform === "linux";
  if (!prlimit) console.warn("no prlimit on this system: a real want of memory cannot be made");

  test.runIf(prlimit)("the runtime finds no memory for a batch: it is halved until it fits", async () => {
    const { outcome, processes } = await attempt(
      { batchSizes: [1, 32, 512, 1024] },
      {
        onProgress: (progress, pid) => {
          if (progress.stage !== "loaded") return;
          const kib = Number(/^VmSize:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
          execFileSync("prlimit", ["--pid", String(pid), `--as=${kib * 1024 + 100e6}`]);
        },
      },
    );
    expect(outcome).toMatchObject({ status: "completed", report: { load: { model: { id: "tiny-vit" } } } });
    expect(outcome.unmeasured).toEqual([
      { batchSize: 512, message: "does not fit in memory" },
      { batchSize: 1024, message: "not tried: batch size 512 does not fit in memory" },
    ]);
    expect(outcome.recovery[0]).toMatchObject({
      strategy: "halve_batch",
      class: "out_of_memory",
      reason: "out_of_memory",
      message: expect.stringContaining("batch size 512 does not fit in memory; 256 is tried"),
    });
    // Each step but the last did not help.
    expect(outcome.recovery.map(({ succeeded }) => succeeded)).toEqual(
      outcome.recovery.map((_, index) => index === outcome.recovery.length - 1),
    );
    expect(processes).toBe(outcome.recovery.length + 1);
    expect(sizesOf(outcome).slice(0, 2)).toEqual([1, 32]);
  });

  test("a search doubles until a batch does not fit, and goes on between what did and what did not", async () => {
    // As in the next test.
    let kills = 0;
    const { outcome, begun } = await attempt(
      { batchSizes: [1, 2, 4, 8, 16, 32, 64] },
      {
        searches: true,
        oomKills: () => kills,
        onProgress: (progress, pid) => {
          if (progress.stage !== "batch_started" || progress.batchSize <= 21) return;
          kills += 1;
          process.kill(pid, "SIGKILL");
        },
      },
    );
    expect(outcome).toMatchObject({ status: "completed", tooLarge: 22 });
    expect(begun).toEqual([1, 2, 4, 8, 16, 32, 24, 20, 22]);
    expect(sizesOf(outcome)).toEqual([1, 2, 4, 8, 16, 20]);
    expect(outcome.unmeasured.map(({ batchSize }) => batchSize)).toEqual([32, 64]);
    expect(outcome.recovery.map(({ succeeded }) => succeeded)).toEqual([true, true, true]);
  });

  test("a process that the kernel killed for want of memory is one that ran out of it", async () => {
    // The kill is real; that the kernel did it is only said, for no test may bring a machine out of memory.
    let kills = 0;
    const { outcome, begun } = await attempt(
      { batchSizes: [2, 8] },
      {
        oomKills: () => kills,
        onProgress: (progress, pid) => {
          if (progress.stage !== "batch_started" || progress.batchSize < 4) return;
          kills += 1;
          process.kill(pid, "SIGKILL");
        },
      },
    );
    expect(outcome.status).toBe("completed");
    expect(begun).toEqual([2, 8, 4]);
    expect(sizesOf(outcome)).toEqual([2]);
    expect(outcome.recovery).toMatchObject([
      { strategy: "halve_batch", message: expect.stringContaining("4 is tried"), succeeded: false },
      { strategy: "halve_batch", message: expect.stringContaining("2 does, and was measured"), succeeded: true },
    ]);
    expect(outcome.unmeasured).toMatchObject([{ batchSize: 8 }]);
  });

  test("nothing is left below 1", async () => {
    let kills = 0;
    const { outcome, begun } = await attempt(
      { batchSizes: [2] },
      {
        oomKills: () => kills,
        onProgress: (progress, pid) => {
          if (progress.stage !== "batch_started") return;
          kills += 1;
          process.kill(pid, "SIGKILL");
        },
      },
    );
    expect(outcome).toMatchObject({ status: "failed", failure: { class: "out_of_memory" } });
    expect(begun).toEqual([2, 1]);
    expect(outcome.recovery).toMatchObject([{ strategy: "halve_batch", succeeded: false }]);
  });
});

describe("a lost device", () => {
  test("is opened anew once; then another worker is to take the task", async () => {
    // No device here can be lost. The words are real, but it is the path of a file that the runtime cannot read that has them.
    const { path } = await resolveModel("tiny-vit", { cacheDir });
    const model = join(cacheDir, "the device was lost");
    await cp(path, model, { recursive: true });
    const file = join(model, "onnx", "model.onnx");
    await writeFile(file, (await readFile(file, "latin1")).replace("\x08\x09", "\x08\x7f"), "latin1");
    const { outcome, processes } = await attempt({ model });
    expect(outcome).toMatchObject({ status: "failed", failure: { class: "device_lost" } });
    expect(processes).toBe(2);
    expect(outcome.recovery).toMatchObject([
      { strategy: "new_device", class: "device_lost", succeeded: false },
      { strategy: "hand_back", class: "device_lost", succeeded: true },
    ]);
  });
});

describe("a killed process", () => {
  const killedAt4 = {
    onProgress: (progress: ModelRunProgress, pid: number) => {
      if (progress.stage === "batch_started" && progress.batchSize === 4) process.kill(pid, "SIGKILL");
    },
  };
  const sizes = { batchSizes: [1, 2, 4] };

  function checkpointOf(payload: string, changes: Partial<ModelRunRequest> = {}): Checkpoint {
    const read = readCheckpoint(payload, measuredUnder(requestFor({ ...sizes, ...changes }), "this machine"));
    if (read.kind !== "checkpoint") throw new Error(JSON.stringify(read));
    return read.checkpoint;
  }
  const from = (checkpoint: Checkpoint): { resumption: Resumption } => ({
    resumption: { kind: "checkpoint", checkpoint },
  });

  test("is a crash, which leaves what was measured to the next attempt, and that measures only the rest", async () => {
    const first = await attempt(sizes, killedAt4);
    expect(first.outcome).toMatchObject({ status: "failed", failure: { class: "crash" }, recovery: [] });
    expect(sizesOf(first.outcome)).toEqual([1, 2]);
    const second = await attempt(sizes, from(checkpointOf(first.payload)));
    expect(second.outcome).toMatchObject({ status: "completed", resumed: [1, 2] });
    expect(second.begun).toEqual([4]);
    expect(sizesOf(second.outcome)).toEqual([1, 2, 4]);
    const third = await attempt(sizes, from(checkpointOf(second.payload)));
    expect(third).toMatchObject({ outcome: { status: "completed", resumed: [1, 2, 4] }, begun: [] });
  });

  test("leaves nothing to an attempt on another file of the same name or with another runtime", async () => {
    const first = await attempt(sizes, killedAt4);
    const checkpoint = { ...checkpointOf(first.payload), sha256: "another", runtime: "another" };
    const second = await attempt(sizes, from(checkpoint));
    const ignored = "the earlier attempt ran with another model file, runtime";
    expect(second.outcome).toMatchObject({ status: "completed", resumed: [], ignored });
    expect(second.begun.toSorted((a, b) => a - b)).toEqual([1, 2, 4]);
    expect(sizesOf(second.outcome)).toEqual([1, 2, 4]);
  });

  test("leaves nothing to an attempt with other settings or on another machine, which says so", async () => {
    const { payload } = await attempt(sizes, killedAt4);
    const under = measuredUnder(requestFor(sizes), "this machine");
    expect(readCheckpoint(payload, { ...under, machine: "another", seed: 7 })).toEqual({
      kind: "ignored",
      reason: "the earlier attempt ran with another machine, seed",
    });
    const unreadable = { kind: "ignored", reason: expect.stringContaining("not a checkpoint") };
    expect(readCheckpoint("{", under)).toEqual(unreadable);
    expect(readCheckpoint(`{"version":1}`, under)).toEqual(unreadable);
  });

  test("a checkpoint of many batch sizes has room for those that fit", async () => {
    const { outcome } = await attempt({ batchSizes: [1], iterations: 300 });
    if (outcome.status !== "completed") throw new Error(JSON.stringify(outcome));
    const [measured] = outcome.report.batches;
    if (measured === undefined) throw new Error("a batch was expected");
    const { launches, p50IntervalMs: _interval, outliers: _outliers, ...figures } = measured;
    const batch = { ...figures, rounds: launches.flatMap(({ rounds }) => rounds) };
    const batches = Array.from({ length: 40 }, (_, index) => ({ ...batch, batchSize: index + 1 }));
    const under = measuredUnder(requestFor(sizes), "this machine");
    const of = { sha256: "a", runtime: "b" };
    const payload = writeCheckpoint(under, { ...of, batches });
    expect(payload.length).toBeLessThanOrEqual(MAX_PAYLOAD_CHARACTERS);
    const { batches: kept } = checkpointOf(payload);
    expect(kept.length).toBeGreaterThan(5);
    expect(kept.at(-1)).toEqual({ ...batch, batchSize: kept.length, samplesMs: [] });
    expect(checkpointOf(writeCheckpoint(under, { ...of, batches: [batch] })).batches[0]?.samplesMs).toHaveLength(100);
  });
});

test("each batch size is measured in several processes, whose medians give an interval", async () => {
  const { outcome, begun, processes } = await attempt({ batchSizes: [1, 2], iterations: 5 }, { launches: 3 });
  if (outcome.status !== "completed") throw new Error(JSON.stringify(outcome));
  expect(processes).toBe(3);
  expect(begun).toEqual([1, 2, 2, 1, 1, 2]);
  for (const { launches, latencyMs, samplesMs, p50IntervalMs } of outcome.report.batches) {
    expect(launches.map(({ count }) => count)).toEqual([5, 5, 5]);
    expect([latencyMs.count, samplesMs.length]).toEqual([15, 15]);
    const mean = launches.reduce((sum, { p50Ms }) => sum + p50Ms, 0) / 3;
    expect((p50IntervalMs?.low ?? NaN) + (p50IntervalMs?.high ?? NaN)).toBeCloseTo(2 * mean, 6);
  }
  expect(outcome.report.placement).not.toBeNull();
});

test("a device that is lost in a later launch is opened anew, and what that launch measured before stays", async () => {
  const begun: number[][] = [];
  const { outcome } = await attempt(
    { batchSizes: [1, 2] },
    {
      launches: 2,
      run: async (request, watch) => {
        begun.push([...request.batchSizes]);
        // The process of the second launch is real; that its device is gone after the first batch size is only said.
        const isLost = begun.length === 2;
        const batchSizes = isLost ? request.batchSizes.slice(0, 1) : request.batchSizes;
        const outcome = await runModel({ ...request, batchSizes }, { env: process.env, clock: systemClock, ...watch });
        if (!isLost) return outcome;
        const failure = { class: "device_lost", message: "the device is lost" } as const;
        return { log: "", status: "failed", failure, batchSize: 1 };
      },
    },
  );
  expect(begun).toEqual([[1, 2], [2, 1], [1]]);
  expect(outcome).toMatchObject({ status: "completed", recovery: [{ strategy: "new_device", succeeded: true }] });
});

test("a batch size is measured again while others use the machine, and every round is told", async () => {
  const others = Array.from({ length: Math.ceil(availableParallelism() / 2) }, () =>
    spawn(process.execPath, ["--eval", "for (;;);"], { stdio: "ignore" }),
  );
  try {
    const { outcome } = await attempt({ minDurationMs: 500, measureAgain: { atMost: 2, withinMs: 60_000 } });
    if (outcome.status !== "completed") throw new Error(JSON.stringify(outcome));
    for (const { rounds } of outcome.report.batches.flatMap(({ launches }) => launches)) {
      expect(rounds.map(({ noise }) => noise)).toContain("busy_machine");
      expect(rounds.filter(({ chosen }) => chosen)).toHaveLength(1);
    }
    // The machine stays busy: as much time again as the measurements took is one more round for each.
    const all = outcome.report.batches.flatMap(({ launches }) => launches.flatMap(({ rounds }) => rounds));
    expect(all).toHaveLength(4);
    const none = await attempt({ batchSizes: [1], minDurationMs: 500, measureAgain: { atMost: 2, withinMs: 0 } });
    expect(none.outcome).toMatchObject({
      report: { batches: [{ launches: [{ rounds: [{ noise: "busy_machine" }] }] }] },
    });
  } finally {
    for (const other of others) {
      other.kill("SIGKILL");
      if (other.exitCode === null && other.signalCode === null) await once(other, "exit");
    }
  }
});
