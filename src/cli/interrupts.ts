import { exitCodes } from "./exit-codes.ts";
import type { ExitCode } from "./exit-codes.ts";

type StopSignal = "SIGINT" | "SIGTERM";

/**
 * Requests to stop. The first one (Ctrl-C, SIGTERM) is for the command to end politely; after the second one the process ends at
 * once, whatever it is doing.
 */
export interface Interrupts {
  /** Fires at the first request. */
  readonly signal: AbortSignal;
  /** What the process ends with after a request: 130 or 143. */
  readonly exitCode: ExitCode;
}

/** `process`, as far as signals go. */
export interface SignalSource {
  on(name: StopSignal, listener: (name: StopSignal) => void): unknown;
  off(name: StopSignal, listener: (name: StopSignal) => void): unknown;
}

/** Takes over the signals of this process until disposed of. `abort` ends it. */
export function processInterrupts(source: SignalSource, abort: (code: ExitCode) => void): Interrupts & Disposable {
  const controller = new AbortController();
  let exitCode: ExitCode = exitCodes.interrupted;
  const onSignal = (name: StopSignal): void => {
    exitCode = name === "SIGTERM" ? exitCodes.terminated : exitCodes.interrupted;
    if (controller.signal.aborted) abort(exitCode);
    else controller.abort();
  };
  source.on("SIGINT", onSignal);
  source.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {
      source.off("SIGINT", onSignal);
      source.off("SIGTERM", onSignal);
    },
  };
}

/** Resolves when the signal fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
