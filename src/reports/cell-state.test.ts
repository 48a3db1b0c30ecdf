import { describe, expect, it, test } from "vitest";
import type { MatrixRecord, Provenance, RecoveryStep } from "../contracts/index.ts";
import { STALE_AFTER_DAYS, staleness, verdictOf } from "./cell-state.ts";

const proven: Provenance = { kind: "real", proven: true, evidence: [] };
const evidence = [
  { check: "output_matches_reference", passed: true, detail: "within 1e-7" },
  { check: "nodes_on_requested_provider", passed: false, detail: "CPUExecutionProvider ran 42 of 42 nodes" },
];
const completed = { status: "completed", failure: null, provenance: proven, recovery: [], unmeasured: null };
const step = (strategy: RecoveryStep["strategy"], message: string): RecoveryStep => ({
  strategy,
  class: "out_of_memory",
  message,
  succeeded: true,
});

describe("the verdict", () => {
  it.each([
    ["works", {}, null],
    // The times are sound: it was measured again because the machine was noisy.
    ["works", { recovery: [step("measure_again", "noisy")] }, null],
    ["not_proven", { provenance: null }, "there is no evidence"],
    ["not_proven", { provenance: { ...proven, kind: "mock" } }, "the result is mock"],
    ["not_proven", { provenance: { ...proven, kind: "simulated", proven: true } }, "the result is simulated"],
    ["not_proven", { provenance: { ...proven, proven: false } }, "it is only said to be real"],
    [
      "not_proven",
      { provenance: { kind: "real", proven: false, evidence } },
      "nodes_on_requested_provider: CPUExecutionProvider ran 42 of 42 nodes",
    ],
    // What is not proven is not proven, whatever it took.
    ["not_proven", { provenance: null, unmeasured: { "16": "does not fit in memory" } }, "there is no evidence"],
    [
      "degraded",
      { recovery: [step("halve_batch", "16 is too large")], unmeasured: { "16": "does not fit in memory" } },
      "batch size 16 does not fit in memory",
    ],
    ["degraded", { recovery: [step("fallback_hardware", "no worker with cuda")] }, "no worker with cuda"],
  ] as const)("of a completed result is %s: %j", (state, change, reason) => {
    expect(verdictOf({ ...completed, ...(change as Partial<MatrixRecord>) })).toEqual({ state, reason });
  });

  it.each([
    [{ class: "out_of_memory", message: "std::bad_alloc" }, "out_of_memory", "std::bad_alloc"],
    [{ class: "assertion", reason: "wrong_numbers", message: "off by 3" }, "wrong_numbers", "off by 3"],
    [{ class: "crash", message: "signal SIGSEGV" }, "failed", "crash: signal SIGSEGV"],
    [{ class: "timeout", reason: "timeout", message: "took 30 s" }, "failed", "timeout: took 30 s"],
    [
      { class: "setup", reason: "model_file_missing", message: "no file for fp16" },
      "failed",
      "model_file_missing: no file for fp16",
    ],
    [{ class: "setup", reason: "backend_unavailable", message: "no WebNN here" }, "unsupported", "no WebNN here"],
    [
      { class: "setup", reason: "missing_feature", message: "the WebGPU feature it lacks is shader-f16" },
      "unsupported",
      "the WebGPU feature it lacks is shader-f16",
    ],
  ] as const)("of the failure %j is %s", (failure, state, reason) => {
    const record = { ...completed, status: "failed", failure, provenance: { ...proven, proven: false } };
    expect(verdictOf(record)).toEqual({ state, reason });
  });

  // Texts of ONNX Runtime 1.30, native and web.
  test.each([
    ["Conv", "NOT_IMPLEMENTED : Could not find an implementation for Conv(1) node with name 'x'"],
    ["Gelu", "cannot resolve operator 'Gelu' with opsets: ai.onnx v20"],
    ["Nope", "Fatal error: :Nope(-1) is not a registered function/op"],
    ["com.microsoft:QMoE", "Fatal error: com.microsoft:QMoE(-1) is not a registered function/op"],
    ["Swish", "[ONNXRuntimeError] : 10 : INVALID_GRAPH : No Op registered for Swish with domain_version of 17"],
  ])("names the unsupported operator %s", (operator, message) => {
    const failure = { class: "setup", reason: "unsupported_operator", message } as const;
    expect(verdictOf({ ...completed, status: "failed", failure })).toEqual({
      state: "unsupported",
      reason: `operator ${operator}: ${message}`,
    });
  });

  it("of a result that neither completed nor says why is its status", () => {
    expect(verdictOf({ ...completed, status: "timed_out" })).toEqual({ state: "failed", reason: "timed_out" });
  });
});

describe("staleness", () => {
  const end = Date.parse("2026-11-01T00:00:00.000Z");
  const record = {
    end_time: "2026-11-01T00:00:00.000Z",
    ...{ model_sha256: "a", model_sha256_now: "a", runtime_version: "1.30.0", runtime_version_now: "1.30.0" },
  };
  const days = (count: number): number => end + count * 86_400_000;

  it.each([
    [record, days(STALE_AFTER_DAYS), null],
    [record, days(STALE_AFTER_DAYS + 1), `measured ${STALE_AFTER_DAYS + 1} days ago`],
    [{ ...record, model_sha256_now: "b" }, end, "the model's file has changed since"],
    [{ ...record, runtime_version_now: "1.31.0" }, end, "the runtime was 1.30.0, its worker now has 1.31.0"],
    // What failed before the model was loaded knows neither.
    [{ ...record, model_sha256: null, runtime_version: null, model_sha256_now: "b" }, end, null],
    [{ ...record, runtime_version_now: null }, end, null],
  ])("of %j at %d: %s", (given, now, reason) => {
    expect(staleness(given, now)).toBe(reason);
  });
});
