import type { Clock, Timer } from "../base/index.ts";
import type { FailurePattern, PlacedEvent } from "../contracts/index.ts";
import type { Results } from "../results/index.ts";
import type { State } from "../scheduler/index.ts";

/** Attempts that ended earlier say nothing of today. */
const WINDOW_MS = 24 * 3_600_000;
/** Least time between two looks; and so many times as long as a look takes, so that it never takes more than a small part of a thread. */
const LEAST_INTERVAL_MS = 5_000;
const REST_FACTOR = 20;

export interface PatternWatchOptions {
  results: Results;
  clock: Clock;
  /** Found in the results, which held everything up to event `seq`. */
  onFound: (patterns: FailurePattern[], seq: number) => void;
  onTrouble: (error: unknown) => void;
}

/** Looks for patterns of failure in the results: beside the journal's follower, only after new failures, never in anybody's way. */
export class PatternWatch {
  private readonly options: PatternWatchOptions;
  private failures = 0;
  /** By the monotonic clock: a jump of the system's must not put off the next look. */
  private dueMs = 0;
  private timer: Timer | undefined;
  private looking: Promise<void> | undefined;
  private stopped = false;

  constructor(options: PatternWatchOptions) {
    this.options = options;
  }

  /** Counts what may make a look worth while. */
  note({ event }: PlacedEvent): void {
    if (event.type === "attempt_finished" && event.failure) this.failures += 1;
  }

  /** Rows were written: looks, as soon as it is time to. */
  written(state: State): void {
    if (this.failures === 0 || this.timer || this.looking || this.stopped) return;
    const { clock, onTrouble } = this.options;
    this.timer = clock.setTimer(Math.max(0, this.dueMs - clock.monotonicMs()), () => {
      this.timer = undefined;
      this.looking = this.look(state)
        .catch(onTrouble)
        .finally(() => {
          this.looking = undefined;
          this.written(state);
        });
    });
  }

  /** Looks no more; resolves once a look under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.looking;
  }

  private async look(state: State): Promise<void> {
    const { results, clock, onFound } = this.options;
    const { failures } = this;
    const { eventSeq } = results.applied();
    const ended = [...state.patterns.values()]
      .filter((record) => record.state === "ended")
      .map(({ pattern, sinceMs }) => ({ factors: pattern.factors, endedAtMs: sinceMs }));
    const startMs = clock.monotonicMs();
    let patterns: FailurePattern[];
    try {
      patterns = await results.patterns(clock.nowMs() - WINDOW_MS, ended);
    } finally {
      const endMs = clock.monotonicMs();
      this.dueMs = endMs + Math.max(LEAST_INTERVAL_MS, REST_FACTOR * (endMs - startMs));
    }
    // A look that failed leaves them to the next one.
    this.failures -= failures;
    if (patterns.length > 0) onFound(patterns, eventSeq);
  }
}
