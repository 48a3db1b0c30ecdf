import type { Hardware } from "../../../contracts/index.ts";

/** Browsers that models run in. `headless-shell`: Chromium without a window, from the npm package `@sparticuz/chromium`. */
export const browserNames = ["chromium", "headless-shell", "firefox"] as const;
export type BrowserName = (typeof browserNames)[number];

/** What a machine runs models with. Like all backends: what runs the model, and the execution provider, as one name. */
export const machineBackendNames = [
  "ort-node/cpu",
  "ort-node/cuda",
  "ort-node/tensorrt",
  "ort-node/webgpu",
  "ort-node/dml",
  "ort-node/coreml",
  "ort-web/wasm",
  "chromium/wasm",
  "chromium/webgpu",
  "chromium/webnn",
  "headless-shell/wasm",
  "headless-shell/webgpu",
  "headless-shell/webnn",
  "firefox/wasm",
  "firefox/webgpu",
  "torch/cpu",
  "torch/cuda",
  "torch/rocm",
  "torch/mps",
  "torch/xla",
  "transformers-js/cpu",
  "transformers-js/cuda",
  "transformers-js/webgpu",
] as const;

/** What a tab of somebody's browser runs models with that has joined as a worker. */
export const tabBackendNames = ["tab/wasm", "tab/webgpu", "tab/webnn"] as const;

export const backendNames = [...machineBackendNames, ...tabBackendNames] as const;
export type BackendName = (typeof backendNames)[number];

/** How a provider is called, and the platform that it proves when it works. */
interface ProviderFacts {
  /** The provider's name in the runtime's options. */
  readonly provider: string;
  /** The provider's name in the runtime's profiles. */
  readonly providerInProfile: string;
  readonly hardware: Hardware;
}

const providers = {
  cpu: { provider: "cpu", providerInProfile: "CPUExecutionProvider", hardware: "cpu" },
  cuda: { provider: "cuda", providerInProfile: "CUDAExecutionProvider", hardware: "cuda" },
  tensorrt: { provider: "tensorrt", providerInProfile: "TensorrtExecutionProvider", hardware: "cuda" },
  webgpu: { provider: "webgpu", providerInProfile: "WebGpuExecutionProvider", hardware: "webgpu" },
  dml: { provider: "dml", providerInProfile: "DmlExecutionProvider", hardware: "dml" },
  coreml: { provider: "coreml", providerInProfile: "CoreMLExecutionProvider", hardware: "coreml" },
  wasm: { provider: "wasm", providerInProfile: "CPUExecutionProvider", hardware: "wasm" },
  webnn: { provider: "webnn", providerInProfile: "WebNNExecutionProvider", hardware: "webnn" },
} as const satisfies Record<string, ProviderFacts>;

/** PyTorch's providers are its devices; ROCm's has the name of CUDA's. */
const torchProviders = {
  cpu: { provider: "cpu", providerInProfile: "cpu", hardware: "cpu" },
  cuda: { provider: "cuda", providerInProfile: "cuda", hardware: "cuda" },
  rocm: { provider: "rocm", providerInProfile: "cuda", hardware: "rocm" },
  mps: { provider: "mps", providerInProfile: "mps", hardware: "mps" },
  xla: { provider: "xla", providerInProfile: "xla", hardware: "tpu" },
} as const satisfies Record<string, ProviderFacts>;

export interface BackendFacts extends ProviderFacts {
  /** The package, of npm or of Python. */
  readonly runtime: "onnxruntime-node" | "onnxruntime-web" | "torch" | "@huggingface/transformers";
  /** The browser that is started for it; absent for what runs in a process of Node, or in the tab that is the worker. */
  readonly browser?: BrowserName;
}

function factsOf(name: BackendName): BackendFacts {
  // The names are made of these two parts.
  const [engine, provider] = name.split("/") as [string, keyof typeof providers];
  if (engine === "torch") return { runtime: "torch", ...torchProviders[provider as keyof typeof torchProviders] };
  if (engine === "ort-node") return { runtime: "onnxruntime-node", ...providers[provider] };
  if (engine === "transformers-js") return { runtime: "@huggingface/transformers", ...providers[provider] };
  const browser = browserNames.find((one) => one === engine);
  return { runtime: "onnxruntime-web", ...providers[provider], ...(browser === undefined ? {} : { browser }) };
}

// The keys are all the names.
export const backendFacts = Object.fromEntries(backendNames.map((name) => [name, factsOf(name)])) as Readonly<
  Record<BackendName, BackendFacts>
>;
