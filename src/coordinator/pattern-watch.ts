import type { Clock } from "../base/index.ts";
import type { FailurePattern } from "../contracts/index.ts";
import type { Results } from "../results/index.ts";
import type { State } from "../scheduler/index.ts";
import { ResultsWatch } from "./results-watch.ts";

/** Attempts that ended earlier say nothing of today. */
const WINDOW_MS = 24 * 3_600_000;

export interface PatternWatchOptions {
  results: Results;
  clock: Clock;
  /** Found in the results, which held everything up to event `seq`. */
  onFound: (patterns: FailurePattern[], seq: number) => void;
  onTrouble: (error: unknown) => void;
}

/** Looks for patterns of failure in the results, after new failures. */
export function patternWatch({ results, clock, onFound, onTrouble }: PatternWatchOptions): ResultsWatch {
  const look = async (state: State, seq: number): Promise<void> => {
    const ended = [...state.patterns.values()]
      .filter((record) => record.state === "ended")
      .map(({ pattern, sinceMs }) => ({ factors: pattern.factors, endedAtMs: sinceMs }));
    const patterns = await results.patterns(clock.nowMs() - WINDOW_MS, ended);
    if (patterns.length > 0) onFound(patterns, seq);
  };
  return new ResultsWatch({
    results,
    clock,
    isNews: ({ event }) => event.type === "attempt_finished" && event.failure !== null,
    look,
    onTrouble,
  });
}
