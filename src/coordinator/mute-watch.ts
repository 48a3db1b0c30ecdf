import type { Clock } from "../base/index.ts";
import type { MutedEvidence } from "../contracts/index.ts";
import type { Results } from "../results/index.ts";
import { mutesOf } from "../scheduler/index.ts";
import type { State } from "../scheduler/index.ts";
import { ResultsWatch } from "./results-watch.ts";

export interface MuteWatchOptions {
  results: Pick<Results, "applied" | "evidenceSince">;
  clock: Clock;
  /** What all muted tests have shown since. */
  onEvidence: (tests: MutedEvidence[]) => void;
  onTrouble: (error: unknown) => void;
}

/** Asks the results what muted tests have shown since, after new results of some. */
export function muteWatch({ results, clock, onEvidence, onTrouble }: MuteWatchOptions): ResultsWatch {
  const look = async (state: State): Promise<void> => {
    const mutes = mutesOf(state);
    if (mutes.length === 0) return;
    const evidence = await results.evidenceSince(mutes);
    onEvidence(
      mutes.flatMap(({ mute }, index) => {
        const found = evidence[index];
        return found === undefined ? [] : { muteId: mute.mute_id, evidence: found };
      }),
    );
  };
  return new ResultsWatch({
    results,
    clock,
    isNews: ({ event }) =>
      event.type === "attempt_finished" && (event.result?.tests ?? []).some(({ muted }) => muted === true),
    look,
    onTrouble,
  });
}
