import { expect, test } from "vitest";
import { countPlacements } from "./placement-log.ts";

// Of ONNX Runtime Web 1.30 in the headless shell 153, which loaded tiny-bert.
const webgpu = [
  "2026-11-25 02:36:08.506170 [V:onnxruntime:, session_state.cc:1383 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on [WebGpuExecutionProvider]. Number of nodes: 126",
  "2026-11-25 02:36:08.626295 [V:onnxruntime:, session_state.cc:1383 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on [CPUExecutionProvider]. Number of nodes: 4",
];
const webnn = [
  "2026-11-25 02:36:14.805495 [I:onnxruntime:, webnn_execution_provider.cc:158 GetCapability] WebNNExecutionProvider::GetCapability, number of partitions supported by WebNN: 1 number of nodes in the graph: 137 number of nodes supported by WebNN: 137",
  "2026-11-25 02:36:15.669125 [V:onnxruntime:, session_state.cc:1380 VerifyEachNodeIsAssignedToAnEp]  All nodes placed on [WebNNExecutionProvider]. Number of nodes: 1",
];
/** Without sizes for the dimensions that have names. */
const webnnDynamic = [
  "2026-11-25 02:36:12.044890 [I:onnxruntime:, webnn_execution_provider.cc:158 GetCapability] WebNNExecutionProvider::GetCapability, number of partitions supported by WebNN: 1 number of nodes in the graph: 132 number of nodes supported by WebNN: 1",
  "2026-11-25 02:36:12.847085 [I:onnxruntime:, transformer_memcpy.cc:393 AddCopyNode] Add MemcpyFromHost after Shape_8_0 for WebNNExecutionProvider",
  "2026-11-25 02:36:12.885965 [V:onnxruntime:, session_state.cc:1383 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on [WebNNExecutionProvider]. Number of nodes: 3",
  "2026-11-25 02:36:12.886285 [V:onnxruntime:, session_state.cc:1385 VerifyEachNodeIsAssignedToAnEp]   WEBNN_2654124716956522482_1 (WebNNExecutionProvider_WEBNN_2654124716956522482_1_0)",
  "2026-11-25 02:36:12.886830 [V:onnxruntime:, session_state.cc:1383 VerifyEachNodeIsAssignedToAnEp]  Node(s) placed on [CPUExecutionProvider]. Number of nodes: 123",
];

test("nodes are counted by provider", () => {
  expect(countPlacements(webgpu)).toEqual({ WebGpuExecutionProvider: 126, CPUExecutionProvider: 4 });
});

test("a graph that was compiled into one node counts as the nodes that it was", () => {
  expect(countPlacements(webnn)).toEqual({ WebNNExecutionProvider: 137 });
});

test("a provider that took next to nothing does not have the majority", () => {
  expect(countPlacements(webnnDynamic)).toEqual({ WebNNExecutionProvider: 1, CPUExecutionProvider: 123 });
});

test("a log that says nothing of nodes gives no counts", () => {
  expect(countPlacements(["2026-11-25 02:36:12.8 [I:onnxruntime:, a.cc:1 f] Adding default CPU"])).toEqual({});
});
