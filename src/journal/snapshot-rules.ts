import { assayError } from "../contracts/index.ts";
import type { Snapshot } from "./journal.ts";

/** Older ones serve when a newer one turns out broken. */
export const SNAPSHOTS_KEPT = 3;

/** Throws AssayError `conflict` when a reader could no longer start: the batches would be gone and no snapshot in their place. */
export function assertTrimmable(beforeSeq: number, newest: Snapshot | null): void {
  if (newest !== null && newest.batchSeq >= beforeSeq - 1) return;
  const found = newest === null ? "there is none" : `the newest is after batch ${newest.batchSeq}`;
  throw assayError(
    "conflict",
    `The journal before batch ${beforeSeq} cannot be trimmed without a snapshot of it: ${found}.`,
    {
      next: "Save a snapshot first.",
    },
  );
}
