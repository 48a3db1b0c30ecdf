import type { Feeds, InputSpec, ModelFolder, TensorData } from "../../../models/index.ts";
import type { BackendName } from "./backend-names.ts";

/** What a run returns, by output name. */
export type Outputs = Readonly<Record<string, TensorData>>;

/** Inputs that are already in the runtime's own form, so that timing a run times nothing else. */
export interface BoundRun {
  /** Computes all outputs and brings them to main memory, also from an accelerator: the wait is part of the time. */
  run(): Promise<Outputs>;
}

/** A loaded model. */
export interface Session {
  readonly inputs: readonly InputSpec[];
  readonly outputNames: readonly string[];
  /** Whether it compiles anew for each shape of its inputs, which is too slow for shapes that grow from run to run. */
  readonly compilesEachShape: boolean;
  bind(feeds: Feeds): Promise<BoundRun>;
  dispose(): Promise<void>;
}

/** How many nodes each execution provider ran, by the provider's name in the runtime. */
export type Placement = Readonly<Record<string, number>>;

/** What is loaded: paths in a process, addresses in a page. */
export type ModelFiles = Pick<ModelFolder, "onnxFile" | "dataFiles">;

/** One runtime on one execution provider. */
export interface Backend {
  readonly name: BackendName;
  /** Version of the runtime. */
  readonly version: string;
  /** Threads that one operator may use. */
  readonly threads: number;
  /** What the runtime says it computes on; `null` where it says nothing. */
  readonly device: string | null;
  /** Loads a model on exactly this provider; fails rather than fall back to another. */
  create(files: ModelFiles): Promise<Session>;
  /** Runs once with the runtime's profiler and tells who ran what; `null` where the runtime has one provider only. */
  place(files: ModelFiles, feeds: Feeds): Promise<Placement | null>;
}
