import { once } from "node:events";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { manualClock, systemClock } from "../../base/index.ts";
import { runModel } from "./model-driver.ts";
import { RunnerPool } from "./runner-pool.ts";

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "assay-runners-"));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

test("the process that is ready runs the next model", async () => {
  const pool = new RunnerPool(systemClock);
  pool.prepare(process.env, "ort-node/cpu");
  let pid = 0;
  const outcome = await runModel(
    {
      model: "tiny-bert",
      cacheDir,
      precision: "fp32",
      backend: "ort-node/cpu",
      batchSizes: [1],
      iterations: 1,
      minDurationMs: 0,
      warmupIterations: 0,
      sequenceLength: 8,
      seed: 0,
    },
    {
      env: process.env,
      clock: systemClock,
      runners: {
        take: (env) => {
          const child = pool.take(env);
          pid = child.pid ?? 0;
          return child;
        },
      },
      onProgress: (progress) => {
        if (progress.stage === "started") expect(progress.pid).toBe(pid);
      },
    },
  );
  expect(outcome.status).toBe("completed");
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

test("it is not handed out in another environment, when it has ended, or twice", async () => {
  const pool = new RunnerPool(systemClock);
  pool.prepare(process.env, "ort-node/cpu");
  const other = pool.take({ ...process.env, ASSAY_OTHER: "1" });
  const ready = pool.take(process.env);
  const second = pool.take(process.env);
  expect(new Set([other.pid, ready.pid, second.pid]).size).toBe(3);
  await Promise.all([other, ready, second].map(end));
});

test("nobody wants it for long: it ends", async () => {
  const clock = manualClock();
  const pool = new RunnerPool(clock);
  pool.prepare(process.env, "ort-node/cpu");
  clock.advance(60_000);
  const fresh = pool.take(process.env);
  expect(fresh.killed).toBe(false);
  await end(fresh);
});
