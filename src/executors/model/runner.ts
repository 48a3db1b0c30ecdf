/**
 * The child process of a model run: takes one request over the channel from its parent (`model-driver.ts`), answers with progress and
 * one final message, and ends. A program, not a module: nothing imports it.
 */
import { rmSync } from "node:fs";
import { backendFacts } from "./backends/backend-names.ts";
import type { RunControl } from "./inference-host.ts";
import { InferenceRun } from "./inference-run.ts";
import type { ChildMessage, FinalMessage, ModelRunRequest, ParentMessage } from "./messages.ts";
import { classifyFailure } from "./model-failure.ts";
import { loadRuntime, nodeHost } from "./node-host.ts";

const startedMs = process.uptime() * 1000;
const cancellation = new AbortController();

process.on("message", (message: ParentMessage) => {
  if (message.type === "cancel") cancellation.abort();
  // What cannot be loaded is told by the run that needs it.
  else if (message.type === "prepare") loadRuntime(message.backend).catch(() => undefined);
  else begin(message.request, message.folder);
});

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
  finish(
    backendFacts[request.backend].browser === undefined
      ? await runHere(request, control)
      : await runInPage(request, control),
  );
}

async function runHere(request: ModelRunRequest, control: RunControl): Promise<FinalMessage> {
  const run = new InferenceRun(request, nodeHost({ startedMs }), control);
  return run.outcome();
}

async function runInPage(request: ModelRunRequest, control: RunControl): Promise<FinalMessage> {
  try {
    // Loaded only here: what drives browsers is large.
    const { runInBrowser } = await import("./browser/browser-run.ts");
    return await runInBrowser(request, control);
  } catch (error) {
    if (control.signal.aborted) return { type: "cancelled" };
    const { class: failureClass, message } = classifyFailure(error, false);
    return {
      type: "failed",
      failure: { class: failureClass, message: `opening a page for ${request.model}: ${message}` },
    };
  }
}

function send(message: ChildMessage, sent?: () => void): void {
  process.send?.(message, undefined, undefined, sent);
}

/** Sessions are disposed of by now; threads of the runtimes may still keep the process alive. */
function finish(message: FinalMessage): void {
  send(message, () => process.exit(0));
}
