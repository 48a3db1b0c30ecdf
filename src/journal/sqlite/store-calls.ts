import type { Fault } from "../../contracts/index.ts";
import type { AppendOutcome, Batch, Tail } from "../journal.ts";

/** What the journal's thread does on request. Each takes one value, so that a call is one message. */
export interface StoreCalls {
  /** Locks and opens the folder. First and once. */
  open(folder: string): void;
  tail(): Tail;
  firstSeq(): number;
  append(batch: Batch): AppendOutcome;
  resolve(batch: Batch): AppendOutcome;
  read(range: { fromSeq: number; limit: number }): Batch[];
  /** Deletes some of the batches before `beforeSeq`, the oldest first; true when none is left. */
  trimSome(beforeSeq: number): boolean;
  /** Last. */
  close(): void;
}

export type StoreCallName = keyof StoreCalls;
export type StoreInput<Name extends StoreCallName> = Parameters<StoreCalls[Name]>[0];
export type StoreOutput<Name extends StoreCallName> = ReturnType<StoreCalls[Name]>;

/** To the thread. */
export type StoreRequest = {
  [Name in StoreCallName]: { id: number; call: Name; input: StoreInput<Name> };
}[StoreCallName];

/** From the thread, one for each request, in order. */
export type StoreReply = { id: number; output: StoreOutput<StoreCallName> } | { id: number; fault: Fault };
