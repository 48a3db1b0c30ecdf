import { availableParallelism } from "node:os";
import { basename, dirname, relative } from "node:path";
import type { BaseStreamer, DataType, DeviceType, GenerationConfig, PreTrainedModel } from "@huggingface/transformers";
import type { PretrainedModelOptions, Tensor, TextStreamer } from "@huggingface/transformers";
import type { InferenceSession } from "onnxruntime-node";
import { systemClock } from "../../../base/index.ts";
import { assayError } from "../../../contracts/index.ts";
import { int64Tensor } from "../../../models/index.ts";
import type { Feeds, ModelFolder, TensorData } from "../../../models/index.ts";
import type { Backend, BoundRun, GeneratedTokens, Session } from "./backend.ts";
import { backendFacts } from "./backend-names.ts";
import type { BackendName } from "./backend-names.ts";
import { nativeDevice, nativeOptions, profiledPlacement } from "./ort-native.ts";
import { inputSpec, tensorData } from "./ort-session.ts";

type TransformersJs = typeof import("@huggingface/transformers");
type ModelClass = Pick<typeof PreTrainedModel, "from_pretrained">;

const CACHE = "past_key_values.";

/** Transformers.js, on the native library that ort-node has as well. The only file that loads it. */
export async function transformersJsBackend(name: BackendName, wantedThreads: number | undefined): Promise<Backend> {
  const library = await loadTransformersJs();
  const { provider } = backendFacts[name];
  const threads = wantedThreads ?? availableParallelism();
  const options = { device: provider as DeviceType, session_options: nativeOptions(threads) };
  return {
    name,
    version: `${library.env.version} on onnxruntime-node ${library.env.backends.onnx.versions?.node ?? "unknown"}`,
    threads,
    device: nativeDevice(provider),
    create: async (model) => sessionOf(library, await open(library, model, options)),
    place: (model, feeds) =>
      profiledPlacement(async (profiling) => {
        const session_options = { ...options.session_options, ...profiling };
        const opened = await open(library, model, { ...options, session_options });
        const session = sessionOf(library, opened);
        const bound = await session.bind(feeds);
        await bound.run();
        ortSessionOf(opened).endProfiling();
        await session.dispose();
      }),
  };
}

export async function loadTransformersJs(): Promise<TransformersJs> {
  let library: TransformersJs;
  try {
    library = await import("@huggingface/transformers");
  } catch (cause) {
    throw assayError("dependency_missing", "The package @huggingface/transformers cannot be loaded", {
      cause,
      next: "Install it with `npm install @huggingface/transformers`; it needs the binaries of onnxruntime-node and of sharp.",
    });
  }
  const { env, LogLevel } = library;
  // Models are on this machine by now.
  env.allowRemoteModels = false;
  env.useFSCache = false;
  // What goes wrong is thrown; its log would repeat all inputs.
  env.logLevel = LogLevel.NONE;
  return library;
}

async function open(
  library: TransformersJs,
  model: ModelFolder,
  options: Pick<PretrainedModelOptions, "device" | "session_options">,
): Promise<PreTrainedModel> {
  const whole = { ...options, ...fileOf(model), local_files_only: true };
  if (model.config["is_encoder_decoder"] !== true) {
    return classOf(library, model.config).from_pretrained(model.path, whole);
  }
  // The library's classes of encoder-decoders want an encoder and a decoder. One file is what it calls a custom model.
  const config = new library.PretrainedConfig({ ...model.config, model_type: "custom" });
  return library.PreTrainedModel.from_pretrained(model.path, { ...whole, config });
}

/** The class that the model was saved from has its last layer, which `AutoModel` leaves out. */
function classOf(library: TransformersJs, { architectures }: ModelFolder["config"]): ModelClass {
  const exported = library as unknown as Readonly<Record<string, unknown>>;
  const names = Array.isArray(architectures) ? architectures.map(String) : [];
  return names.map((name) => exported[name]).find((value) => isModelClass(library, value)) ?? library.AutoModel;
}

function isModelClass({ PreTrainedModel }: TransformersJs, value: unknown): value is ModelClass {
  return typeof value === "function" && value.prototype instanceof PreTrainedModel;
}

/** How the names of files end, by what the library calls them. */
const suffixes: readonly (readonly [DataType, string])[] = [
  ["fp16", "_fp16"],
  ["int8", "_int8"],
  ["q8", "_quantized"],
  ["q4", "_q4"],
];

/** The model's file, as the library wants it to be named. */
function fileOf({
  path,
  modelFile,
}: ModelFolder): Required<Pick<PretrainedModelOptions, "subfolder" | "model_file_name" | "dtype">> {
  const stem = basename(modelFile, ".onnx");
  const [dtype, suffix] = suffixes.find(([, end]) => stem.endsWith(end)) ?? (["fp32", ""] as const);
  const subfolder = dirname(relative(path, modelFile));
  return { subfolder, model_file_name: stem.slice(0, stem.length - suffix.length), dtype };
}

function ortSessionOf(model: PreTrainedModel): InferenceSession {
  return model.sessions["model"] as InferenceSession;
}

function sessionOf(library: TransformersJs, model: PreTrainedModel): Session {
  const { inputMetadata, outputNames } = ortSessionOf(model);
  let latest: Readonly<Record<string, Tensor>> = {};
  /** The library leaves caches on the accelerator, whose memory no garbage collector frees. */
  const forget = (): void => {
    for (const tensor of Object.values(latest)) if (isFarAway(tensor)) tensor.dispose();
    latest = {};
  };
  const bind = async (feeds: Feeds): Promise<BoundRun> => {
    const inputs = inputsOf(library, feeds);
    const run: BoundRun["run"] = async () => {
      forget();
      const startMs = systemClock.monotonicMs();
      const outputs = (await model.forward(inputs)) as Record<string, Tensor>;
      const elapsedMs = systemClock.monotonicMs() - startMs;
      latest = outputs;
      return { elapsedMs, outputs: async () => nearOutputs(outputs) };
    };
    return { run };
  };
  return {
    inputs: inputMetadata.map(inputSpec),
    outputNames,
    compilesEachShape: false,
    bind,
    ...(model.can_generate === true && {
      generate: (prompt: readonly number[], count: number) => generate(library, model, { prompt, count }),
    }),
    dispose: async () => {
      forget();
      await model.dispose();
    },
  };
}

const isFarAway = (tensor: Tensor): boolean => tensor.location === "gpu-buffer";

/** Those in main memory: bringing a cache here ends the process (onnxruntime-node 1.30), and the library never does. */
function nearOutputs(outputs: Readonly<Record<string, Tensor>>): Record<string, TensorData> {
  const near = Object.entries(outputs).filter(([, tensor]) => !isFarAway(tensor));
  return Object.fromEntries(near.map(([name, tensor]) => [name, tensorData(name, tensor)]));
}

/** As its users pass them: a cache is one input. */
function inputsOf(library: TransformersJs, feeds: Feeds): Record<string, unknown> {
  const tensors = Object.entries(feeds).map(([name, data]) => [name, libraryTensor(library, data)] as const);
  const cache = tensors.filter(([name]) => name.startsWith(CACHE));
  const inputs = Object.fromEntries(tensors.filter(([name]) => !name.startsWith(CACHE)));
  if (cache.length === 0) return inputs;
  return { ...inputs, past_key_values: new library.DynamicCache(Object.fromEntries(cache)) };
}

function libraryTensor(library: TransformersJs, { type, data, dims }: TensorData): Tensor {
  return new library.Tensor(type, data, [...dims]);
}

/** Greedily, whatever the model's own configuration says, and past the end token. */
async function generate(
  library: TransformersJs,
  model: PreTrainedModel,
  { prompt, count }: { readonly prompt: readonly number[]; readonly count: number },
): Promise<GeneratedTokens> {
  const generation_config = new library.GenerationConfig({ max_new_tokens: count } as GenerationConfig);
  const laps: number[] = [];
  let latestMs = systemClock.monotonicMs();
  const streamer: BaseStreamer = {
    /** Called with the prompt, and then with each token. */
    put: () => {
      const nowMs = systemClock.monotonicMs();
      laps.push(nowMs - latestMs);
      latestMs = nowMs;
    },
    end: () => undefined,
  };
  const sequences = (await model.generate({
    inputs: libraryTensor(library, int64Tensor([prompt])),
    attention_mask: libraryTensor(library, int64Tensor([prompt.map(() => 1)])),
    generation_config,
    streamer: streamer as TextStreamer,
  })) as Tensor;
  const tokens = Array.from(sequences.data as BigInt64Array, Number).slice(prompt.length);
  return { tokens, stepsMs: laps.slice(1) };
}
