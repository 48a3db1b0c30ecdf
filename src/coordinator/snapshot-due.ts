import type { State } from "../scheduler/index.ts";

/** A snapshot is made after so many events, and so many as it holds tasks: a start replays no more than these. */
const SNAPSHOT_EVERY_EVENTS = 150_000;

export function isSnapshotDue(eventsSince: number, { counts }: State, everyEvents = SNAPSHOT_EVERY_EVENTS): boolean {
  return eventsSince >= Math.max(everyEvents, counts.total);
}
