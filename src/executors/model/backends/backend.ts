import type { Feeds, InputSpec, ModelFolder, TensorData } from "../../../models/index.ts";
import type { BackendName } from "./backend-names.ts";
import type { Placement } from "./placement.ts";

/** What a run returns, by output name. */
export type Outputs = Readonly<Record<string, TensorData>>;

/** A run that is over, on an accelerator too. */
export interface FinishedRun {
  /** How long it computed, by a clock where it ran: the way of requests and outputs between processes is no part of it. */
  readonly elapsedMs: number;
  /** Brings the outputs here. Only until the session's next run, which takes their place. */
  outputs(): Promise<Outputs>;
}

/** Inputs that are already in the runtime's own form, so that timing a run times nothing else. */
export interface BoundRun {
  /** Computes all outputs, and waits for the accelerator: the wait is part of the time. */
  run(): Promise<FinishedRun>;
}

/** Tokens that follow a prompt. */
export interface GeneratedTokens {
  readonly tokens: readonly number[];
  /** How long each took. */
  readonly stepsMs: readonly number[];
}

/** A loaded model. */
export interface Session {
  readonly inputs: readonly InputSpec[];
  readonly outputNames: readonly string[];
  /** Whether it compiles anew for each shape of its inputs, which is too slow for shapes that grow from run to run. */
  readonly compilesEachShape: boolean;
  /** Takes the place of what was bound before. */
  bind(feeds: Feeds): Promise<BoundRun>;
  /** Greedily with the cache, by the runtime itself; absent where it has no such thing. */
  generate?(prompt: readonly number[], count: number): Promise<GeneratedTokens>;
  dispose(): Promise<void>;
}

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
  create(model: ModelFolder): Promise<Session>;
  /** Runs once with the runtime's profiler and tells who ran what; `null` where the runtime has one provider only. */
  place(model: ModelFolder, feeds: Feeds): Promise<Placement | null>;
}
