import { expect, test } from "vitest";
import { summarizeLatency } from "../../stats/index.ts";
import type { Placement } from "./backends/backend.ts";
import type { BackendName } from "./backends/backend-names.ts";
import type { ModelRunReport } from "./messages.ts";
import { modelProvenance } from "./model-provenance.ts";

/** A run whose numbers are right, with nodes placed as given. */
function reportOf(requested: BackendName, placement: Placement | null): ModelRunReport {
  return {
    load: {
      model: {
        ...{ id: "tiny-bert", family: "bert", architecture: "encoder-only", sha256: "0".repeat(64) },
        ...{ parameterCount: 1, precision: "fp32", source: "generated" },
      },
      backend: {
        ...{ requested, runtime: "onnxruntime-web", runtimeVersion: "1.30.0", engine: "HeadlessChrome 153.0" },
        ...{ device: null, threads: 1 },
      },
      ...{ processStartMs: 1, loadMs: 1, firstInferenceMs: 1 },
    },
    batches: [
      {
        ...{ batchSize: 1, warmupIterations: 0, samplesMs: [1, 1], throughputItemsPerSecond: 1, peakMemoryBytes: 1 },
        ...{ latencyMs: summarizeLatency([1, 1]), rounds: [], recheck: { iterations: 2, maxAbsError: 0 } },
        check: {
          ...{ reference: "float64", outputName: "logits", samplesCompared: 1, maxAbsError: 1e-6, cosine: 1 },
          tolerance: 1e-4,
        },
      },
    ],
    generation: null,
    placement,
    memory: { baselineBytes: 1, peakBytes: 1, source: "browser_private" },
  };
}

test("nodes on the provider that was asked for prove it", () => {
  expect(modelProvenance(reportOf("headless-shell/webnn", { WebNNExecutionProvider: 137 }))).toMatchObject({
    proven: true,
    observed_backend: "headless-shell/webnn",
  });
});

test("a silent fallback to the processor proves nothing, however right the numbers are", () => {
  const placement = { WebNNExecutionProvider: 1, CPUExecutionProvider: 123 };
  const provenance = modelProvenance(reportOf("headless-shell/webnn", placement));
  expect(provenance).toMatchObject({ proven: false, observed_backend: "CPUExecutionProvider" });
  expect(provenance.evidence).toContainEqual({
    check: "nodes_on_requested_provider",
    passed: false,
    detail: "CPUExecutionProvider ran 123 of 124 nodes, WebNNExecutionProvider ran 1 of 124 nodes",
  });
});

test("a log that names no provider proves nothing", () => {
  expect(modelProvenance(reportOf("headless-shell/webgpu", {}))).toMatchObject({ proven: false });
});

test("where there is one provider only, nothing can have fallen back", () => {
  expect(modelProvenance(reportOf("headless-shell/wasm", null))).toMatchObject({ proven: true });
});
