import type { Clock } from "../../base/index.ts";

/** Whether a promise settles before the next heartbeat is due; rejects as it does. */
export async function settlesWithin(
  promise: Promise<unknown>,
  { clock, heartbeatMs }: { clock: Clock; heartbeatMs: number },
): Promise<boolean> {
  const due = Promise.withResolvers<false>();
  const timer = clock.setTimer(heartbeatMs, () => due.resolve(false));
  try {
    return await Promise.race([promise.then(() => true), due.promise]);
  } finally {
    timer.cancel();
  }
}
