/**
 * The child process of a model run: takes one request over the channel from its parent (`model-driver.ts`), answers with progress and
 * one final message, and ends. A program, not a module: nothing imports it.
 */
import { setImmediate, setTimeout } from "node:timers/promises";
import { systemClock } from "../../base/index.ts";
import { InferenceRun } from "./inference-run.ts";
import type { ChildMessage, ModelRunRequest, ParentMessage } from "./messages.ts";
import { classifyFailure } from "./model-failure.ts";

const cancellation = new AbortController();

process.on("message", (message: ParentMessage) => {
  if (message.type === "cancel") cancellation.abort();
  else void answer(message.request);
});
// The parent is gone: nobody wants the answer.
process.on("disconnect", () => process.exit(1));

async function answer(request: ModelRunRequest): Promise<void> {
  const run = new InferenceRun(request, {
    clock: systemClock,
    progress: (progress) => send({ type: "progress", progress }),
    signal: cancellation.signal,
    cancellationPoint: async () => {
      // Runtimes keep the event loop busy; without a turn of it a cancellation would never arrive.
      await setImmediate();
      cancellation.signal.throwIfAborted();
    },
    wait: (delayMs) => setTimeout(delayMs, undefined, { signal: cancellation.signal }),
    // Present because the driver starts this program with --expose-gc.
    collectGarbage: () => globalThis.gc?.(),
  });
  try {
    finish({ type: "completed", report: await run.run() });
  } catch (error) {
    if (cancellation.signal.aborted) return finish({ type: "cancelled" });
    const failure = classifyFailure(error, run.loaded);
    finish({ type: "failed", failure: { class: failure.class, message: `${run.stage}: ${failure.message}` } });
  }
}

function send(message: ChildMessage, sent?: () => void): void {
  process.send?.(message, undefined, undefined, sent);
}

/** Sessions are disposed of by now; threads of the runtimes may still keep the process alive. */
function finish(message: ChildMessage): void {
  send(message, () => process.exit(0));
}
