import { setImmediate } from "node:timers/promises";

/** Longer than that nobody else of this process has to wait. */
const TURN_MS = 10;

/** For much work in small pieces: call it between two pieces; now and then it lets others have their turn. Rejects when told to stop. */
export function turns(signal: AbortSignal | undefined): () => Promise<void> | undefined {
  let since = performance.now();
  const pause = async (): Promise<void> => {
    await setImmediate();
    signal?.throwIfAborted();
    since = performance.now();
  };
  return () => (performance.now() - since < TURN_MS ? undefined : pause());
}

/** Waits for something that goes on by itself; rejects as soon as the signal fires. */
export async function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => {
    try {
      signal.throwIfAborted();
    } catch (error) {
      reject(error);
    }
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
