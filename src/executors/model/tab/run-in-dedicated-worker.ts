import type { ChildMessage, ModelRunRequest } from "../messages.ts";
import { NEVER_BEGUN, RunRecord } from "../model-run.ts";
import type { ModelRunOutcome, RunWatch } from "../model-run.ts";

/** What the dedicated worker of a run is told, once; its answers are a child's. */
export interface TabAssignment {
  readonly request: ModelRunRequest;
  /** The browser, with its version. */
  readonly engine: string;
}

/** A dedicated worker of a page. */
export interface DedicatedWorker {
  postMessage(message: TabAssignment): void;
  terminate(): void;
  addEventListener(type: "message", listener: (event: { data: ChildMessage }) => void): void;
  addEventListener(type: "error", listener: (event: { message?: string }) => void): void;
}

export interface DedicatedRunOptions extends RunWatch {
  /** Starts one with the program of `tab-run-program.ts`. */
  readonly start: () => DedicatedWorker;
  readonly engine: string;
}

/**
 * Runs a model in a dedicated worker of its own, so that the page stays alive and a run can be ended: at once, since a browser cleans up
 * after it. Never rejects.
 */
export function runInDedicatedWorker(request: ModelRunRequest, options: DedicatedRunOptions): Promise<ModelRunOutcome> {
  const { start, engine, signal } = options;
  if (signal?.aborted === true) return Promise.resolve(NEVER_BEGUN);
  const record = new RunRecord(options);
  const { promise, resolve } = Promise.withResolvers<ModelRunOutcome>();
  const worker = start();
  const end = (death: string): void => {
    worker.terminate();
    signal?.removeEventListener("abort", cancel);
    resolve(record.conclude(() => ({ class: "crash", message: death })));
  };
  const cancel = (): void => end("cancelled");
  worker.addEventListener("message", ({ data }) => {
    record.receive(data);
    if (data.type !== "progress") end("");
  });
  worker.addEventListener("error", ({ message }) => end(message ?? "The program of the run could not be loaded"));
  signal?.addEventListener("abort", cancel, { once: true });
  worker.postMessage({ request, engine });
  return promise;
}
