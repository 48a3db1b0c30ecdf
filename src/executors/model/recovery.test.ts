import { describe, expect, test } from "vitest";
import type { RecoveryStrategy } from "../../contracts/index.ts";
import { backendFacts } from "./backends/backend-names.ts";
import { halved, hardwareFallback, measuredAgainSteps, nextStrategy } from "./recovery.ts";

describe("nextStrategy", () => {
  test.each([
    ["ort-node/cpu", "out_of_memory", "halve_batch"],
    ["ort-node/cuda", "out_of_memory", "halve_batch"],
    ["ort-node/cuda", "cuda_error", "fresh_process"],
    ["ort-node/cuda", "device_lost", "fresh_process"],
    ["torch/rocm", "cuda_error", "fresh_process"],
    ["torch/mps", "device_lost", "new_device"],
    ["ort-node/webgpu", "device_lost", "new_device"],
    ["ort-node/dml", "device_lost", "new_device"],
    ["chromium/webgpu", "device_lost", "new_device"],
    ["chromium/wasm", "crash", "fresh_process"],
    ["ort-node/cpu", "noisy_timing", "measure_again"],
    ["ort-node/cpu", "busy_machine", "measure_again"],
    ["ort-node/cpu", "crash", undefined],
    ["ort-web/wasm", "crash", undefined],
    ["chromium/webgpu", "missing_feature", undefined],
    ["ort-node/cpu", "wrong_numbers", undefined],
    ["ort-node/cpu", "unsupported_operator", undefined],
    ["ort-node/cpu", "timeout", undefined],
  ] as const)("on %s against %s: %s", (backend, reason, strategy) => {
    expect(nextStrategy(backendFacts[backend], reason, [])).toBe(strategy);
  });

  test.each([
    ["ort-node/cuda", "cuda_error", ["fresh_process", "hand_back"]],
    ["ort-node/cuda", "device_lost", ["fresh_process", "new_device", "hand_back"]],
    ["ort-node/webgpu", "device_lost", ["new_device", "hand_back"]],
    ["headless-shell/webgpu", "device_lost", ["new_device", "fresh_process", "hand_back"]],
    ["headless-shell/webgpu", "crash", ["fresh_process"]],
  ] as const)("on %s against %s, as long as it comes back: %s", (backend, reason, expected) => {
    const taken: { strategy: RecoveryStrategy }[] = [];
    for (;;) {
      const strategy = nextStrategy(backendFacts[backend], reason, taken);
      if (strategy === undefined) break;
      taken.push({ strategy });
    }
    expect(taken.map(({ strategy }) => strategy)).toEqual(expected);
  });

  test("the largest batch that a task may ask for can be halved down to 1", () => {
    const taken: { strategy: "halve_batch" }[] = [];
    let size = 65_536;
    while (size > 1) {
      expect(nextStrategy(backendFacts["ort-node/cpu"], "out_of_memory", taken)).toBe("halve_batch");
      taken.push({ strategy: "halve_batch" });
      size /= 2;
    }
    expect(nextStrategy(backendFacts["ort-node/cpu"], "out_of_memory", taken)).toBeUndefined();
  });
});

describe("halved", () => {
  const measured = new Set([1, 8]);

  test("the half comes first, and nothing as large is tried again", () => {
    expect(halved(64, { waiting: [64, 16, 128], measured })).toEqual({
      half: 32,
      waiting: [32, 16],
      dropped: [64, 128],
    });
  });

  test("a half that was measured is not measured again, one that waits comes first", () => {
    expect(halved(16, { waiting: [16, 32], measured })).toEqual({ half: 8, waiting: [], dropped: [16, 32] });
    expect(halved(64, { waiting: [64, 4, 32], measured })).toMatchObject({ waiting: [32, 4] });
  });

  test("in a search, what fitted last stands for the half", () => {
    expect(halved(64, { waiting: [128], measured, searches: true })).toEqual({ half: 8, waiting: [], dropped: [128] });
    expect(halved(64, { waiting: [], measured: new Set(), searches: true })).toMatchObject({ half: 32 });
  });

  test("1 has no half", () => {
    expect(halved(1, { waiting: [1], measured: new Set() })).toBeUndefined();
  });
});

describe("hardwareFallback", () => {
  const task = {
    requirements: { hardware: ["cuda" as const, "webgpu" as const] },
    fallback: [{ hardware: ["cpu" as const], after_seconds: 30 }],
  };

  test("says which platform was wanted and why another was taken", () => {
    expect(hardwareFallback(task, { hardware: "cpu", succeeded: true })).toEqual({
      strategy: "fallback_hardware",
      class: "setup",
      reason: "backend_unavailable",
      message:
        "no worker with cuda took the task; its fallback allows cpu after 30 s. " +
        "Its times are those of cpu: the view fallback_impact sets them against cuda's",
      succeeded: true,
    });
    const named = hardwareFallback(task, { hardware: "webgpu", succeeded: false });
    expect(named).toMatchObject({ succeeded: false });
    expect(named?.message).toContain("requirements.hardware names webgpu too");
  });

  test("says nothing when the first was taken or none was wanted", () => {
    const on = (hardware: "cuda" | "cpu" | null): { hardware: typeof hardware; succeeded: boolean } => ({
      hardware,
      succeeded: true,
    });
    expect(hardwareFallback(task, on("cuda"))).toBeUndefined();
    expect(hardwareFallback(task, on(null))).toBeUndefined();
    expect(hardwareFallback({ ...task, requirements: {} }, on("cpu"))).toBeUndefined();
  });
});

test("each round after a noisy one is a step, which helped when it was quiet", () => {
  const round = { count: 20, p50Ms: 1, ownLoad: null, power: null, chosen: false };
  const busy = { ...round, spread: null, othersLoad: 0.5, noise: "busy_machine" } as const;
  const varied = { ...round, spread: 0.4, othersLoad: 0.1, noise: "noisy_timing" } as const;
  const quiet = { ...round, spread: 0.1, othersLoad: 0.1, noise: null };
  const steps = measuredAgainSteps([
    { batchSize: 1, launches: [{ count: 1, p50Ms: 1, rounds: [quiet] }] },
    { batchSize: 4, launches: [{ count: 1, p50Ms: 1, rounds: [busy, varied, quiet] }] },
  ]);
  expect(steps).toMatchObject([
    { reason: "busy_machine", message: "batch size 4: other processes used 50 % of the machine; measured again" },
    { reason: "noisy_timing", message: "batch size 4: the iterations varied by 40 %; measured again" },
  ]);
  expect(steps.map(({ succeeded }) => succeeded)).toEqual([false, true]);
});
