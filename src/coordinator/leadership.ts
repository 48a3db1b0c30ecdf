import { AssayError } from "../base/index.ts";
import type { Clock, Timer } from "../base/index.ts";
import type { PlacedEvent } from "../contracts/index.ts";
import { JournalWriter, batchCodec } from "../journal/index.ts";
import type { Journal } from "../journal/index.ts";
import { evolve, step } from "../scheduler/index.ts";
import type { Command, State } from "../scheduler/index.ts";
import { loadSnapshot } from "./follower.ts";
import { Leader } from "./leader.ts";
import type { Defer } from "./leader.ts";
import { eventsOf } from "./recent-events.ts";

/** After a change of leader, workers have so long to come back before they count as lost. */
const GRACE_MS = 30_000;
const REGAIN_DELAY_MS = 1_000;
const READ_BATCHES = 256;

/** The state at the journal's tail. */
async function replay(journal: Journal): Promise<State> {
  const { state, batchSeq } = await loadSnapshot(journal);
  for (let next = batchSeq + 1; ;) {
    const batches = await journal.read(next, READ_BATCHES);
    for (const batch of batches)
      for (const { event, atMs } of eventsOf(batch, journal.codec ?? batchCodec)) evolve(state, event, atMs);
    if (batches.length < READ_BATCHES) return state;
    next += batches.length;
  }
}

export interface LeadershipOptions {
  journal: Journal;
  clock: Clock;
  /** How often an idle worker's health is checked; 0 for never. */
  healthCheckMs: number;
  /** See `LeaderOptions`. */
  defer?: Defer;
  holder: string;
  newNonce: () => string;
  /** A term began: what came before it is gone. */
  onTerm: (leader: Leader) => void;
  onCommitted: (events: readonly PlacedEvent[], batchSeq: number) => void;
  /** The term ended; a new one is tried for. */
  onLost: (reason: AssayError) => void;
}

/**
 * Terms of leadership over one journal. A batch that could not be committed ends a term: its state is thrown away, and the
 * next term starts from what the journal holds.
 */
export class Leadership {
  private readonly options: LeadershipOptions;
  private term: Leader | AssayError;
  private retry: Timer | undefined;
  private stopped = false;

  private constructor(options: LeadershipOptions, none: AssayError) {
    this.options = options;
    this.term = none;
  }

  /** Takes the lead; rejects when the first term cannot begin. */
  static async take(options: LeadershipOptions, none: AssayError): Promise<Leadership> {
    const leadership = new Leadership(options, none);
    await leadership.begin();
    return leadership;
  }

  /** The leader of the present term, or why there is none. */
  get current(): Leader | AssayError {
    return this.term;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.retry?.cancel();
    if (this.term instanceof Leader) await this.term.stop();
  }

  private async begin(): Promise<void> {
    const { journal, clock, holder, newNonce, healthCheckMs } = this.options;
    const tail = await journal.open();
    const state = await replay(journal);
    const writer = new JournalWriter({ journal, tail, holderNonce: newNonce(), clock, onLost: () => undefined });
    // The clock may stand behind the one that the journal was written by.
    const atMs = Math.max(clock.nowMs(), state.nowMs);
    const open: Command = { type: "open_epoch", epoch: writer.epoch, holder, graceMs: GRACE_MS, healthCheckMs };
    const { events } = step(state, open, atMs);
    await writer.claim(
      events.map(({ event }) => event),
      atMs,
    );
    let batchSeq = tail.seq + 1;
    const leader = new Leader({
      state,
      writer,
      clock,
      ...(this.options.defer ? { defer: this.options.defer } : {}),
      onCommitted: (committed) => {
        batchSeq += 1;
        this.options.onCommitted(committed, batchSeq);
      },
      onLost: (reason) => this.lose(reason),
    });
    this.term = leader;
    this.options.onTerm(leader);
    this.options.onCommitted(events, batchSeq);
  }

  private lose(reason: AssayError): void {
    this.term = reason;
    this.options.onLost(reason);
    this.regain();
  }

  private regain(): void {
    if (this.stopped) return;
    this.retry = this.options.clock.setTimer(REGAIN_DELAY_MS, () => {
      this.begin().catch((error: unknown) => {
        if (error instanceof AssayError) this.term = error;
        this.regain();
      });
    });
  }
}
