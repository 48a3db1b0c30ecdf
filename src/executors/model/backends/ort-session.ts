import type { InferenceSession, Tensor } from "onnxruntime-node";
import { AssayError, systemClock } from "../../../base/index.ts";
import type { Feeds, InputSpec, TensorData } from "../../../models/index.ts";
import type { BoundRun, FinishedRun, Outputs, Session } from "./backend.ts";

/** What the two ONNX Runtime packages have in common; their types are the same. */
export interface OrtPackage {
  readonly Tensor: typeof Tensor;
}

/** Wraps a session of either ONNX Runtime package. */
export function ortSession(ort: OrtPackage, session: InferenceSession): Session {
  return {
    inputs: session.inputMetadata.map(inputSpec),
    outputNames: session.outputNames,
    compilesEachShape: false,
    bind: (feeds) => Promise.resolve(bindFeeds(ort, session, feeds)),
    dispose: () => session.release(),
  };
}

/** An input as the runtime tells of it. */
export function inputSpec(metadata: InferenceSession.ValueMetadata): InputSpec {
  return metadata.isTensor
    ? { name: metadata.name, type: metadata.type, dims: metadata.shape }
    : { name: metadata.name, type: "not a tensor", dims: [] };
}

function bindFeeds(ort: OrtPackage, session: InferenceSession, feeds: Feeds): BoundRun {
  const tensors = Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, ortTensor(ort, data)]));
  return {
    async run(): Promise<FinishedRun> {
      const startMs = systemClock.monotonicMs();
      // Brings the outputs to main memory: the wait for that is part of the time.
      const results = await session.run(tensors);
      const elapsedMs = systemClock.monotonicMs() - startMs;
      const outputs = (): Outputs =>
        Object.fromEntries(Object.entries(results).map(([name, value]) => [name, tensorData(name, value)]));
      return { elapsedMs, outputs: async () => outputs() };
    },
  };
}

function ortTensor(ort: OrtPackage, tensor: TensorData): Tensor {
  return tensor.type === "int64"
    ? new ort.Tensor("int64", tensor.data, tensor.dims)
    : new ort.Tensor("float32", tensor.data, tensor.dims);
}

/** A tensor of a runtime that is in main memory. */
interface NearTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** An output, as it leaves the runtime. */
export function tensorData(name: string, value: NearTensor): TensorData {
  if (value.type === "float32") return { type: "float32", dims: value.dims, data: value.data as Float32Array };
  if (value.type === "int64") return { type: "int64", dims: value.dims, data: value.data as BigInt64Array };
  throw new AssayError("model_unsupported", {
    message: `The model gives an output "${name}" of type ${value.type}, which Assay cannot read`,
    next: "Take an ONNX export whose outputs are 32-bit floats.",
  });
}
