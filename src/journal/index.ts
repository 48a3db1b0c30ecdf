/**
 * journal: the one place where what happened is kept: batches of events, hash-chained and appended by compare-and-append,
 * with snapshots. The port, the leader's writer, and adapters: `memory/` for tests and the simulator, `sqlite/` for one machine.
 *
 * Never: what an event means, decisions, retries other than finding out what became of an append.
 * May enter: coordinator, cli, the simulator. Adapters enter through the port and never import each other.
 */
export { batchCodec } from "./batch-codec.ts";
export { tailAfter } from "./batch.ts";
export { JournalWriter } from "./journal-writer.ts";
export type { JournalWriterOptions } from "./journal-writer.ts";
export type {
  AppendOutcome,
  Batch,
  BatchCodec,
  Journal,
  JournalReader,
  Snapshot,
  StoredSnapshot,
  Tail,
} from "./journal.ts";
export { openSqliteFollower } from "./sqlite/sqlite-follower.ts";
export type { SqliteFollower } from "./sqlite/sqlite-follower.ts";
export { openSqliteJournal } from "./sqlite/sqlite-journal.ts";
export { verifyJournal } from "./verify.ts";
export type { Verification } from "./verify.ts";
