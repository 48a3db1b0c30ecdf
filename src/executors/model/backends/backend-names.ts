import type { Hardware } from "../../../contracts/index.ts";

/** Runtime and execution provider, as one name. */
export const backendNames = [
  "ort-node/cpu",
  "ort-node/cuda",
  "ort-node/tensorrt",
  "ort-node/webgpu",
  "ort-node/dml",
  "ort-node/coreml",
  "ort-web/wasm",
] as const;
export type BackendName = (typeof backendNames)[number];

export interface BackendFacts {
  /** The npm package. */
  readonly runtime: "onnxruntime-node" | "onnxruntime-web";
  /** The provider's name in the runtime's options. */
  readonly provider: string;
  /** The provider's name in the runtime's profiles. */
  readonly providerInProfile: string;
  /** The platform that a working backend proves. */
  readonly hardware: Hardware;
}

const node = (provider: string, providerInProfile: string, hardware: Hardware): BackendFacts => ({
  runtime: "onnxruntime-node",
  provider,
  providerInProfile,
  hardware,
});

export const backendFacts: Readonly<Record<BackendName, BackendFacts>> = {
  "ort-node/cpu": node("cpu", "CPUExecutionProvider", "cpu"),
  "ort-node/cuda": node("cuda", "CUDAExecutionProvider", "cuda"),
  "ort-node/tensorrt": node("tensorrt", "TensorrtExecutionProvider", "cuda"),
  "ort-node/webgpu": node("webgpu", "WebGpuExecutionProvider", "webgpu"),
  "ort-node/dml": node("dml", "DmlExecutionProvider", "dml"),
  "ort-node/coreml": node("coreml", "CoreMLExecutionProvider", "coreml"),
  "ort-web/wasm": {
    runtime: "onnxruntime-web",
    provider: "wasm",
    providerInProfile: "CPUExecutionProvider",
    hardware: "wasm",
  },
};
