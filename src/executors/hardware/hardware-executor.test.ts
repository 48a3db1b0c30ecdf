import { hostname, tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TaskSpecInput } from "../../contracts/index.ts";
import { hardwareMeasures } from "../../contracts/index.ts";
import { createPlatform } from "../../platform/index.ts";
import type { ExecutionReport } from "../executor.ts";
import type { ScratchAttempt } from "../executor-acceptance.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { HardwareExecutor } from "./hardware-executor.ts";

const executor = new HardwareExecutor({ platform: createPlatform({ diskPath: tmpdir(), env: process.env }) });
const small = { seconds: 0.05, memory_mb: 2, disk_mb: 1 };
let attempt: ScratchAttempt;
beforeEach(async () => {
  // Without a PATH there is no nvidia-smi, and so the same outcome on every machine.
  attempt = await scratchAttempt({ env: { PATH: "/nowhere" } });
});
afterEach(() => attempt.remove());

function run(config: Extract<TaskSpecInput, { type: "hardware" }>["config"]): Promise<ExecutionReport> {
  return executor.execute(scratchTask({ type: "hardware", config: { ...small, ...config } }), attempt.context);
}

test("by default everything that is there is checked, measured and within its range", async () => {
  const report = await run({ expect: { cpu_single_mops: { min: 0.001, max: 1e9 }, disk_fsync_ms_p50: { max: 1e9 } } });
  expect(report).toMatchObject({
    status: "completed",
    hardware: "cpu",
    results: {
      facts: { hostname: hostname(), os: { arch: process.arch } },
      checks: {
        cpu: { wrong_blocks: 0 },
        memory: { tested_mb: 2, wrong_bits: 0 },
        disk: { written_mb: 1, wrong_mb: 0 },
        gpu: { there: false },
      },
    },
    provenance: { kind: "real", proven: true },
  });
  const measured = Object.keys(hardwareMeasures).filter((name) => !/^gpu|p99$/.test(name));
  expect(report.metrics?.map(({ name }) => name).filter((name) => !name.endsWith("p99"))).toEqual(measured);
  expect(report.metrics?.every(({ value }) => value > 0)).toBe(true);
});

test("what is outside of its range fails the task, by name, value and range", async () => {
  const report = await run({ checks: ["memory"], expect: { memory_copy_mb_per_second: { min: 1e9, max: 2e9 } } });
  expect(report).toMatchObject({ status: "failed", failure: { class: "assertion", reason: "out_of_range" } });
  expect(report.failure?.message).toMatch(
    /^memory_copy_mb_per_second is \d+(\.\d+)? MB\/s, expected at least 1000000000 and at most 2000000000$/,
  );
  expect(report.results).toHaveProperty("checks.memory.tested_mb");
});

test.each([
  ["a GPU that is asked for and not there", { checks: ["gpu"] }, "no_gpu"],
  ["a range of what is not measured", { checks: ["memory"], expect: { gpus: { min: 1 } } }, "not_measured"],
  ["more memory than there is", { checks: ["memory"], memory_mb: 1_000_000 }, "too_little_memory"],
  ["more than the disk should be given", { checks: ["disk"], disk_mb: 100_000 }, "too_little_disk"],
] as const)("%s is no failed test, but one that could not be made", async (_, config, reason) => {
  const full = { freeDiskBytes: () => 1e9, facts: async () => ({ ...(await platform.facts()), diskFreeBytes: 1e9 }) };
  const platform = createPlatform({ diskPath: tmpdir(), env: process.env });
  const crowded = new HardwareExecutor({ platform: { ...platform, load: () => platform.load(), ...full } });
  const spec = scratchTask({ type: "hardware", config: { ...small, ...config, checks: [...config.checks] } });
  expect((await crowded.execute(spec, attempt.context)).failure).toMatchObject({ class: "setup", reason });
});

test("stops when told to", async () => {
  const running = run({ seconds: 600 });
  attempt.abort("timeout");
  expect(await running).toEqual({
    status: "timed_out",
    failure: { class: "timeout", message: "stopped at its time limit" },
  });
});
