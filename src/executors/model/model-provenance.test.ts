import { expect, test } from "vitest";
import { summarizeLatency } from "../../stats/index.ts";
import { readPlacement } from "./backends/placement-log.ts";
import type { Placement } from "./backends/placement.ts";
import { modelProvenance } from "./model-provenance.ts";

const batch = {
  latencyMs: summarizeLatency([1]),
  check: {
    reference: "float64",
    outputName: "logits",
    samplesCompared: 1,
    maxAbsError: 0,
    cosine: 1,
    tolerance: 1e-4,
  },
  recheck: { iterations: 1, maxAbsError: 0 },
} as const;
const load = {
  model: {
    id: "tiny-bert",
    family: "bert",
    architecture: "encoder-only",
    sha256: "0",
    parameterCount: 1,
    precision: "q4",
    source: "generated",
  },
  backend: {
    requested: "headless-shell/webnn",
    runtime: "onnxruntime-web",
    runtimeVersion: "1.30.0",
    engine: "HeadlessChrome 153.0.8010.0",
    device: null,
    threads: 1,
  },
  processStartMs: 1,
  loadMs: 1,
  firstInferenceMs: 1,
} as const;

const provenanceOf = (placement: Placement): ReturnType<typeof modelProvenance> =>
  modelProvenance({ load, batches: [batch], generation: null, placement });

/** As ONNX Runtime 1.30.0 writes it in a page, 4-bit weights on WebNN; most of its lines are left out. */
const mixed = [
  "2026-11-25 02:28:56.126309 [V:onnxruntime:, session_state.cc:1377 VerifyEachNodeIsAssignedToAnEp] Node placements",
  "2026-11-25 02:28:56.126465 [V:onnxruntime:, session_state.cc:1383 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on [WebNNExecutionProvider]. Number of nodes: 3",
  "2026-11-25 02:28:56.126514 [V:onnxruntime:, session_state.cc:1385 VerifyEachNodeIsAssignedToAnEp]   WEBNN_17208442023753258002_17 (WebNNExecutionProvider_WEBNN_17208442023753258002_17_0)",
  "2026-11-25 02:28:56.126550 [V:onnxruntime:, session_state.cc:1385 VerifyEachNodeIsAssignedToAnEp]   WEBNN_17208442023753258002_18 (WebNNExecutionProvider_WEBNN_17208442023753258002_18_1)",
  "2026-11-25 02:28:56.129001 [V:onnxruntime:, session_state.cc:1385 VerifyEachNodeIsAssignedToAnEp]   MemcpyToHost (Memcpy_token_190)",
  "2026-11-25 02:28:56.130465 [V:onnxruntime:, session_state.cc:1383 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on [CPUExecutionProvider]. Number of nodes: 1",
  "2026-11-25 02:28:56.130514 [V:onnxruntime:, session_state.cc:1385 VerifyEachNodeIsAssignedToAnEp]   MatMulNBits (MatMul_14_0)",
];

test("a runtime that gives the matrix products of 4-bit weights to the CPU has fallen back, however many nodes it keeps", () => {
  const placement = readPlacement(mixed);
  expect(placement).toMatchObject({
    WebNNExecutionProvider: { MemcpyToHost: 1 },
    CPUExecutionProvider: { MatMulNBits: 1 },
  });
  const provenance = provenanceOf(placement);
  expect(provenance).toMatchObject({ proven: false, observed_backend: "CPUExecutionProvider" });
  expect(provenance.evidence.find(({ passed }) => !passed)?.detail).toBe(
    "WebNNExecutionProvider ran 2 of 3 nodes, CPUExecutionProvider ran 1 of 3 nodes, CPUExecutionProvider ran 1 of MatMulNBits",
  );
});

test("of PyTorch's operators the heavy ones are known by their names", () => {
  const heavy = [
    "linear",
    "mm",
    "baddbmm",
    "matmul",
    "conv2d",
    "mkldnn_convolution",
    "_scaled_dot_product_flash_attention",
    "lstm",
  ];
  for (const operator of heavy)
    expect(provenanceOf({ WebNNExecutionProvider: { add: 9 }, cpu: { [operator]: 1 } })).toMatchObject({
      proven: false,
    });
  const light = { upsample_bilinear2d: 1, digamma: 1, convert_element_type: 1, softmax: 1, cumsum: 1 };
  expect(provenanceOf({ WebNNExecutionProvider: { linear: 9 }, cpu: light })).toMatchObject({ proven: true });
});

test("small operators elsewhere are usual", () => {
  const placement = { WebNNExecutionProvider: { WEBNN_1: 1 }, CPUExecutionProvider: { Gather: 3, Shape: 4 } };
  expect(provenanceOf(placement)).toMatchObject({ proven: true, observed_backend: "headless-shell/webnn" });
});

test("all nodes elsewhere, or nobody knows where, proves nothing", () => {
  const line =
    "2026-11-25 [V:onnxruntime:, session_state.cc:1380] All nodes placed on [CPUExecutionProvider]. Number of nodes: 73";
  expect(readPlacement([line])).toEqual({ CPUExecutionProvider: { any: 73 } });
  expect(provenanceOf(readPlacement([line]))).toMatchObject({
    proven: false,
    observed_backend: "CPUExecutionProvider",
  });
  expect(provenanceOf({})).toMatchObject({ proven: false });
});
