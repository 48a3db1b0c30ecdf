import { assayError } from "../contracts/index.ts";
import { sameBytes, tailAfter } from "./batch.ts";
import type { JournalReader, Tail } from "./journal.ts";

const PAGE_BATCHES = 64;

/** What a walk over the whole journal found. */
export interface Verification {
  /** Batches walked; fewer than `tail.seq` when the journal was trimmed. */
  batches: number;
  events: number;
  tail: Tail;
}

/**
 * Walks the whole chain up to the tail of this moment, and compares it with the newest snapshot. Throws AssayError
 * `journal_broken` that names the first batch at fault.
 */
export async function verifyJournal(journal: JournalReader): Promise<Verification> {
  const end = await journal.open();
  const snapshot = await journal.latestSnapshot();
  const first = await journal.firstSeq();
  if (first > 1 && (snapshot === null || snapshot.batchSeq < first - 1)) throw missingStart(first);
  let tail: Tail | undefined;
  let batches = 0;
  let events = 0;
  for (let next = first; next <= end.seq; next = (tail?.seq ?? 0) + 1) {
    // Reading checks each batch and its link to the one before.
    const page = await journal.read(next, Math.min(PAGE_BATCHES, end.seq - next + 1));
    if (page.length === 0)
      throw assayError("journal_broken", `Batch ${next} is missing: the journal ends at batch ${end.seq}.`);
    for (const batch of page) {
      if (batch.seq === snapshot?.batchSeq && !sameBytes(batch.hash, snapshot.hash)) throw foreignSnapshot(batch.seq);
      tail = tailAfter(batch);
      batches += 1;
      events += batch.eventCount;
    }
  }
  return { batches, events, tail: tail ?? end };
}

function missingStart(first: number): Error {
  return assayError(
    "journal_broken",
    `Batch ${first - 1} is missing: the journal starts at ${first}, and no snapshot holds what came before.`,
  );
}

function foreignSnapshot(seq: number): Error {
  return assayError("journal_broken", `The snapshot after batch ${seq} carries another hash than batch ${seq}.`);
}
