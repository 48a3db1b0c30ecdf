/**
 * The child process of a model run: takes one request over the channel from its parent (`model-driver.ts`), answers with progress and
 * one final message, and ends. A program, not a module: nothing imports it.
 */
import { backendFacts } from "./backends/backend-names.ts";
import type { RunControl } from "./inference-host.ts";
import { InferenceRun } from "./inference-run.ts";
import type { ChildMessage, FinalMessage, ModelRunRequest, ParentMessage } from "./messages.ts";
import { classifyFailure } from "./model-failure.ts";
import { nodeHost } from "./node-host.ts";
import { findPython } from "./python/find-python.ts";
import { pythonHost } from "./python/python-host.ts";
import { PythonProcess } from "./python/python-process.ts";
import type { Death } from "./python/python-process.ts";

const cancellation = new AbortController();

process.on("message", (message: ParentMessage) => {
  if (message.type === "cancel") cancellation.abort();
  else void answer(message.request);
});
// The parent is gone: nobody wants the answer.
process.on("disconnect", () => process.exit(1));

async function answer(request: ModelRunRequest): Promise<void> {
  const control: RunControl = {
    progress: (progress) => send({ type: "progress", progress }),
    signal: cancellation.signal,
  };
  finish(await run(request, control));
}

function run(request: ModelRunRequest, control: RunControl): Promise<FinalMessage> {
  const { engine, browser } = backendFacts[request.backend];
  const { model } = request;
  if (engine === "torch")
    return orFailure(`starting Python for ${model}`, control, () => runInPython(request, control));
  if (browser !== undefined)
    return orFailure(`opening a page for ${model}`, control, () => runInPage(request, control));
  return new InferenceRun(request, nodeHost(), control).outcome();
}

async function runInPage(request: ModelRunRequest, control: RunControl): Promise<FinalMessage> {
  // Loaded only here: what drives browsers is large.
  const { runInBrowser } = await import("./browser/browser-run.ts");
  return runInBrowser(request, control);
}

async function runInPython(request: ModelRunRequest, control: RunControl): Promise<FinalMessage> {
  const python = new PythonProcess(await findPython(process.env), { env: process.env, onDeath: endLike });
  try {
    return await new InferenceRun(request, await pythonHost(python, request), control).outcome();
  } finally {
    await python.close();
  }
}

/** Python is where the model runs: its end is this process's, so that our parent sees what happened. */
function endLike({ exitCode, signal }: Death): void {
  if (signal !== null) process.kill(process.pid, signal);
  process.exit(exitCode ?? 1);
}

/** For what goes wrong before there is a place to run in. */
async function orFailure(
  stage: string,
  { signal }: RunControl,
  start: () => Promise<FinalMessage>,
): Promise<FinalMessage> {
  try {
    return await start();
  } catch (error) {
    if (signal.aborted) return { type: "cancelled" };
    const { class: failureClass, message } = classifyFailure(error, false);
    return { type: "failed", failure: { class: failureClass, message: `${stage}: ${message}` } };
  }
}

function send(message: ChildMessage, sent?: () => void): void {
  process.send?.(message, undefined, undefined, sent);
}

/** Sessions are disposed of by now; threads of the runtimes may still keep the process alive. */
function finish(message: FinalMessage): void {
  send(message, () => process.exit(0));
}
