import type { Clock } from "../base/index.ts";
import type { Bell } from "./bell.ts";
import type { Batch, JournalReader } from "./journal.ts";

/** Batches fetched at once: enough to catch up fast, few enough to hold in memory. */
const PAGE_BATCHES = 64;

/** Where the batches come from and what says that there are more. */
export interface FollowSource {
  read: JournalReader["read"];
  /** Rung after every append that may have happened, and on close. */
  bell: Bell;
  closed: () => boolean;
  /** For sources whose bell may miss an append. */
  poll?: { clock: Clock; everyMs: number };
}

/** `JournalReader.follow` for anything that can be read. */
export async function* followBatches(
  source: FollowSource,
  fromSeq: number,
  signal: AbortSignal,
): AsyncGenerator<Batch, void> {
  let next = fromSeq;
  while (!signal.aborted && !source.closed()) {
    const seen = source.bell.rings;
    const batches = await source.read(next, PAGE_BATCHES);
    for (const batch of batches) {
      if (signal.aborted) return;
      yield batch;
      next = batch.seq + 1;
    }
    if (batches.length < PAGE_BATCHES) await source.bell.wait(seen, signal, source.poll);
  }
}
