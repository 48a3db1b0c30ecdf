import type { Clock } from "../../base/index.ts";
import type { ApiConfig } from "../../contracts/index.ts";

const DEFAULT_OPEN_CONCURRENCY = 256;

/** How many requests, how many at once, and when each is to begin. */
export interface LoadPlan {
  total: number;
  concurrency: number;
  /** Between the beginnings of two; undefined: each begins when another has ended. */
  intervalMs: number | undefined;
}

export function loadPlan({ requests, concurrency, rate_per_second, duration_seconds }: ApiConfig["load"]): LoadPlan {
  if (rate_per_second === undefined || duration_seconds === undefined) {
    return { total: requests ?? 1, concurrency: concurrency ?? 1, intervalMs: undefined };
  }
  return {
    total: Math.max(1, Math.floor(rate_per_second * duration_seconds)),
    concurrency: concurrency ?? DEFAULT_OPEN_CONCURRENCY,
    intervalMs: 1000 / rate_per_second,
  };
}

/**
 * Sends what the plan says. `one` gets the time from which the latency of its request counts: with an interval the planned time,
 * even when all senders were busy then, so that a slow answer is charged for those that it held up.
 */
export async function applyLoad(
  { total, concurrency, intervalMs }: LoadPlan,
  one: (startMs: number) => Promise<void>,
  { clock, isOver }: { clock: Clock; isOver: () => boolean },
): Promise<void> {
  const beginMs = clock.monotonicMs();
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < total && !isOver()) {
      const index = next++;
      const dueMs = intervalMs === undefined ? clock.monotonicMs() : beginMs + index * intervalMs;
      for (let now = clock.monotonicMs(); now < dueMs && !isOver(); now = clock.monotonicMs()) {
        await wait(clock, Math.min(dueMs - now, LOOK_MS));
      }
      if (isOver()) return;
      await one(dueMs);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, total) }, sender));
}

/** A sender that waits for a distant beginning notices within so long that it is over. */
const LOOK_MS = 250;

function wait(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(delayMs, resolve));
}
