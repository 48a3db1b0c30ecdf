/**
 * The program of the dedicated worker that a joined tab starts for each model run: takes one request, answers with progress and one
 * final message. A program, not a module: nothing imports it.
 */
import { InferenceRun } from "../inference-run.ts";
import type { ChildMessage } from "../messages.ts";
import type { TabAssignment } from "./run-in-dedicated-worker.ts";
import { tabHost } from "./tab-host.ts";

const page = globalThis as unknown as {
  postMessage(message: ChildMessage): void;
  addEventListener(type: "message", listener: (event: { data: TabAssignment }) => void): void;
};
const startedMs = performance.now();

page.addEventListener("message", ({ data }) => void answer(data));

async function answer({ request, engine }: TabAssignment): Promise<void> {
  const run = new InferenceRun(request, tabHost({ engine, startedMs }), {
    progress: (progress) => page.postMessage({ type: "progress", progress }),
    // Whoever wants no answer ends the worker.
    signal: new AbortController().signal,
  });
  page.postMessage(await run.outcome());
}
