/**
 * The child process of a model run: takes one request over the channel from its parent (`model-driver.ts`), answers with progress and
 * one final message, and ends. A program, not a module: nothing imports it.
 */
import { rmSync } from "node:fs";
import { backendFacts } from "./backends/backend-names.ts";
import type { BackendName } from "./backends/backend-names.ts";
import type { RunControl } from "./inference-host.ts";
import { InferenceRun } from "./inference-run.ts";
import type { ChildMessage, FinalMessage, ModelRunRequest, ParentMessage } from "./messages.ts";
import { classifyFailure } from "./model-failure.ts";
import { loadRuntime, nodeHost } from "./node-host.ts";
import { findPython } from "./python/find-python.ts";
import { pythonHost } from "./python/python-host.ts";
import { PythonProcess } from "./python/python-process.ts";
import type { Death } from "./python/python-process.ts";

const startedMs = process.uptime() * 1000;
const cancellation = new AbortController();
let python: Promise<PythonProcess> | undefined;

process.on("message", (message: ParentMessage) => {
  if (message.type === "cancel") cancellation.abort();
  // What cannot be loaded is told by the run that needs it.
  else if (message.type === "prepare") prepare(message.backend).catch(() => undefined);
  else begin(message.request, message.folder);
});

async function prepare(backend: BackendName): Promise<void> {
  await (backendFacts[backend].runtime === "torch" ? startPython() : loadRuntime(backend));
}

/** Python loads PyTorch as soon as it is started. */
function startPython(): Promise<PythonProcess> {
  return (python ??= findPython(process.env).then(
    (executable) => new PythonProcess(executable, { env: process.env, onDeath: endLike }),
  ));
}

/** Python is where the model runs: its end is this process's, so that our parent sees what happened. */
function endLike({ exitCode, signal }: Death): void {
  if (signal !== null) process.kill(process.pid, signal);
  process.exit(exitCode ?? 1);
}

/** The parent is gone before it asked for anything. */
function leave(): void {
  process.exit(1);
}
process.on("disconnect", leave);

function begin(request: ModelRunRequest, folder: string): void {
  // The last two are how Windows calls it.
  for (const name of ["TMPDIR", "TEMP", "TMP"]) process.env[name] = folder;
  process.removeListener("disconnect", leave);
  // The parent is gone: nobody wants the answer, or removes what is left. What drives browsers ends them when the process exits.
  process.on("disconnect", () => {
    process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
    process.exit(1);
  });
  void answer(request);
}

async function answer(request: ModelRunRequest): Promise<void> {
  const control: RunControl = {
    progress: (progress) => send({ type: "progress", progress }),
    signal: cancellation.signal,
  };
  finish(await run(request, control));
}

async function run(request: ModelRunRequest, control: RunControl): Promise<FinalMessage> {
  const { runtime, browser } = backendFacts[request.backend];
  const { model } = request;
  if (runtime === "torch")
    return orFailure(`starting Python for ${model}`, control, () => runInPython(request, control));
  // Started for a run that did not come.
  await python?.then((waiting) => waiting.close()).catch(() => undefined);
  if (browser !== undefined)
    return orFailure(`opening a page for ${model}`, control, () => runInPage(request, control));
  return new InferenceRun(request, nodeHost({ startedMs }), control).outcome();
}

async function runInPage(request: ModelRunRequest, control: RunControl): Promise<FinalMessage> {
  // Loaded only here: what drives browsers is large.
  const { runInBrowser } = await import("./browser/browser-run.ts");
  return runInBrowser(request, control);
}

async function runInPython(request: ModelRunRequest, control: RunControl): Promise<FinalMessage> {
  const started = await startPython();
  try {
    return await new InferenceRun(request, await pythonHost(started, request, { startedMs }), control).outcome();
  } finally {
    await started.close();
  }
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
