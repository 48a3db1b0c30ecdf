import { hostname, tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createPlatform } from "../../platform/index.ts";
import type { ScratchAttempt } from "../executor-acceptance.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { MachineFactsExecutor } from "./machine-facts-executor.ts";

const task = scratchTask({ type: "hardware" });
const executor = new MachineFactsExecutor({ platform: createPlatform({ diskPath: tmpdir(), env: process.env }) });

let attempt: ScratchAttempt;
beforeEach(async () => {
  attempt = await scratchAttempt();
});
afterEach(() => attempt.remove());

test("reports what this machine is", async () => {
  const report = await executor.execute(task, attempt.context);
  expect(report).toMatchObject({
    status: "completed",
    hardware: "cpu",
    results: { facts: { hostname: hostname(), os: { arch: process.arch } } },
    provenance: { kind: "real", proven: true },
  });
  expect(report.metrics?.map(({ name }) => name)).toEqual(["usable_cores", "usable_memory_gb", "disk_free_gb", "gpus"]);
  expect(attempt.shown.stdout).toBe("measuring the machine\n");
});

test("stops when told to", async () => {
  const running = executor.execute(task, attempt.context);
  attempt.abort("timeout");
  expect(await running).toEqual({
    status: "timed_out",
    failure: { class: "timeout", message: "stopped at its time limit" },
  });
});

test("proves the processor", async () => {
  expect(await executor.capabilities()).toEqual({ hardware: ["cpu"], runtimes: [], software: {} });
});
