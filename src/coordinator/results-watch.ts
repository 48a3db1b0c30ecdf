import type { Clock, Timer } from "../base/index.ts";
import type { PlacedEvent } from "../contracts/index.ts";
import type { Results } from "../results/index.ts";
import type { State } from "../scheduler/index.ts";

/** Least time between two looks; and so many times as long as a look takes, so that it never takes more than a small part of a thread. */
const LEAST_INTERVAL_MS = 5_000;
const REST_FACTOR = 20;

export interface ResultsWatchOptions {
  results: Pick<Results, "applied">;
  clock: Clock;
  /** Whether an event may make a look worth while. */
  isNews: (event: PlacedEvent) => boolean;
  /** Looks at the results, which hold everything up to event `seq`; the state is as far or further. */
  look: (state: State, seq: number) => Promise<void>;
  onTrouble: (error: unknown) => void;
}

/** Looks at the results beside the journal's follower: only after news, never in anybody's way. */
export class ResultsWatch {
  private readonly options: ResultsWatchOptions;
  /** The last event that was news, and up to which one was looked. */
  private newsSeq = 0;
  private lookedSeq = 0;
  /** By the monotonic clock: a jump of the system's must not put off the next look. */
  private dueMs = 0;
  private timer: Timer | undefined;
  private looking: Promise<void> | undefined;
  private stopped = false;

  constructor(options: ResultsWatchOptions) {
    this.options = options;
  }

  note(event: PlacedEvent): void {
    if (this.options.isNews(event)) this.newsSeq = event.seq;
  }

  /** Rows were written: looks, as soon as it is time to. */
  written(state: State): void {
    if (this.newsSeq <= this.lookedSeq || this.timer || this.looking || this.stopped) return;
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
    const { look, clock, results } = this.options;
    // What was noted and is not yet written is for the next look.
    const { eventSeq } = results.applied();
    const startMs = clock.monotonicMs();
    try {
      await look(state, eventSeq);
    } finally {
      const endMs = clock.monotonicMs();
      this.dueMs = endMs + Math.max(LEAST_INTERVAL_MS, REST_FACTOR * (endMs - startMs));
    }
    // A look that failed leaves all to the next one.
    this.lookedSeq = eventSeq;
  }
}
