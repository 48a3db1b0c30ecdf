/**
 * models: which models exist and where their files are: the catalogue, families and architectures, model folders (local, from the
 * hub, or generated with seeded weights), deterministic inputs, and a slow double-precision reference of the generated models.
 *
 * Never: runs a model, measures anything, knows of tasks or workers. Only `hub.ts` touches the network.
 * May enter: executors, planner, worker, cli.
 */
export { architectures, knownFamilies } from "./architectures.ts";
export type { Architecture } from "./architectures.ts";
export { findModel, listModels, memoryBytes, nearMatches } from "./catalogue.ts";
export type { CatalogueEntry } from "./catalogue-entries.ts";
export { publishFolder } from "./folder-publication.ts";
export { generatedModel } from "./in-memory.ts";
export { createFeeds, createSamples, int64Tensor } from "./inputs.ts";
export type { Feeds, InputSpec, TensorData } from "./inputs.ts";
export { sizedPrecisions } from "./model-size.ts";
export { isGenerated } from "./model-folder.ts";
export type { DataFile, ModelFolder, ModelFormat } from "./model-folder.ts";
export type { Precision } from "./precision.ts";
export { nearest } from "./near-matches.ts";
export { modelFacts } from "./model-facts.ts";
export type { ModelFacts } from "./model-facts.ts";
export { encodeOnnx } from "./onnx/onnx-writer.ts";
export { elementType } from "./onnx/onnx-model.ts";
export { storedWeights } from "./onnx/stored-weights.ts";
export { createReference } from "./reference/reference-model.ts";
export type { ReferenceModel } from "./reference/reference-model.ts";
export { resolveModel } from "./resolve-model.ts";
export type { ResolveOptions } from "./resolve-model.ts";
export { positionLimit } from "./samples.ts";
export type { Sample, SampleOptions } from "./samples.ts";
