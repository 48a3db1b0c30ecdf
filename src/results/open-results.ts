import type {
  ArtifactView,
  ArtifactsQuery,
  KnownTest,
  KnownTestsRequest,
  AttemptView,
  AttemptsQuery,
  Page,
  FailurePattern,
  PlacedEvent,
  ResultView,
  ResultsQuery,
  RunView,
  RunsQuery,
  SqlResponse,
  TaskView,
  TasksQuery,
  TestEvidence,
  TestView,
  TestsQuery,
  WorkerView,
  WorkersQuery,
} from "../contracts/index.ts";
import { AttemptFactors } from "./attempt-factors.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { loadDuckDb } from "./duckdb.ts";
import type { Connection, DuckDb } from "./duckdb.ts";
import { findPatterns } from "./failure-patterns.ts";
import type { EndedPattern } from "./failure-patterns.ts";
import { KnownTests } from "./known-tests.ts";
import type { TestSince } from "./known-tests.ts";
import { Lists } from "./lists.ts";
import { migrate, readMigrations, transaction } from "./migrate.ts";
import { Projection } from "./projection.ts";
import type { RowBatch } from "./projection.ts";
import { restore } from "./restore.ts";
import { openResultFile, rethrow } from "./result-file.ts";
import { applyStaging, createStaging } from "./tables.ts";
import type { Staging } from "./tables.ts";
import { userSql } from "./user-sql.ts";

/** Questions to the results. */
export interface ResultsReader {
  runs(query: RunsQuery): Promise<Page<RunView>>;
  run(runId: string): Promise<RunView | null>;
  tasks(query: TasksQuery): Promise<Page<TaskView>>;
  task(runId: string, taskId: string): Promise<TaskView | null>;
  attempts(query: AttemptsQuery): Promise<Page<AttemptView>>;
  workers(query: WorkersQuery): Promise<Page<WorkerView>>;
  results(query: ResultsQuery): Promise<Page<ResultView>>;
  artifacts(query: ArtifactsQuery): Promise<Page<ArtifactView>>;
  /** What became of tests, attempt by attempt. */
  tests(query: TestsQuery): Promise<Page<TestView>>;
  /** What earlier runs say of these tests; those that never ran are left out. */
  knownTests(request: KnownTestsRequest): Promise<KnownTest[]>;
  /** What each of these tests has shown since. */
  evidenceSince(tests: readonly TestSince[]): Promise<TestEvidence[]>;
  /** Runs one reading statement of a user. */
  sql(sql: string, maxRows: number): Promise<SqlResponse>;
  close(): Promise<void>;
}

/** The results as their one writer has them. */
export interface Results extends ResultsReader {
  /** Up to where the rows are written. */
  applied(): { eventSeq: number; batchSeq: number };
  /** Takes events in order, without writing yet; those already written are left out. */
  apply(events: readonly PlacedEvent[], batchSeq: number): void;
  /** Writes everything taken so far, and how far it goes, in one transaction. One at a time. */
  flush(): Promise<void>;
  /** What fails more often than chance explains, among the attempts that ended since. Takes a thread for a while. */
  patterns(sinceMs: number, ended: readonly EndedPattern[]): Promise<FailurePattern[]>;
  /** Events taken and not yet written. */
  pending(): number;
}

/**
 * Opens the results for writing, making or updating the file.
 *
 * @throws AssayError `data_dir_locked`, `data_dir_read_only`, `schema_newer`, `results_broken`
 */
export async function openResults({ path }: { path: string }): Promise<Results> {
  const duckdb = await loadDuckDb();
  const options = {
    threads: "2",
    memory_limit: "2GB",
    storage_compatibility_version: "latest",
    checkpoint_threshold: "64MB",
  };
  return openResultFile({ duckdb, path, options }, async (database) => {
    const writer = await database.connect();
    await migrate(writer, await readMigrations());
    await writer.run(createStaging);
    const reading = await database.connect();
    // Nothing after this may reach files or the network, or change it back.
    await writer.run("set enable_external_access = false; set lock_configuration = true;");
    const store = new DuckDbResults({
      duckdb,
      writer,
      lists: await Lists.open({ duckdb, connection: reading }),
      known: await KnownTests.open({ duckdb, connection: await database.connect() }),
      attemptFactors: await AttemptFactors.open({ duckdb, connection: await database.connect() }),
      connect: () => database.connect(),
      close: () => database.closeSync(),
    });
    await store.reload();
    return store;
  });
}

/**
 * Opens the results for reading when no coordinator has them open.
 *
 * @throws AssayError `data_dir_locked`, `not_found`, `results_broken`
 */
export async function openResultsReadOnly({ path }: { path: string }): Promise<Pick<ResultsReader, "sql" | "close">> {
  const duckdb = await loadDuckDb();
  return openResultFile({ duckdb, path, options: { access_mode: "READ_ONLY" } }, async (database) => {
    const connection = await database.connect();
    await connection.run("set enable_external_access = false; set lock_configuration = true;");
    connection.closeSync();
    return {
      sql: (sql, maxRows) => userSql({ duckdb, connect: () => database.connect() }, sql, maxRows),
      close: async () => database.closeSync(),
    };
  });
}

interface Parts {
  duckdb: DuckDb;
  writer: Connection;
  lists: Lists;
  attemptFactors: AttemptFactors;
  known: KnownTests;
  connect(): Promise<Connection>;
  close(): void;
}

class DuckDbResults implements Results {
  private readonly parts: Parts;
  private readonly chunks: ChunkWriter;
  private projection = new Projection({ eventSeq: 0, batchSeq: 0 });
  private written = { eventSeq: 0, batchSeq: 0 };
  /** Taken from the projection and not yet in the database: tried again first. */
  private unwritten: RowBatch | undefined;

  constructor(parts: Parts) {
    this.parts = parts;
    this.chunks = new ChunkWriter(parts.duckdb);
  }

  /** Reads back how far the rows go and what may still change. */
  async reload(): Promise<void> {
    const reader = await this.parts.writer.runAndReadAll("select applied_event_seq, applied_batch_seq from projection");
    const [row] = reader.getRowsJson();
    this.written = { eventSeq: Number(row?.[0]), batchSeq: Number(row?.[1]) };
    this.projection = new Projection(this.written);
    await restore(this.parts.writer, this.projection);
  }

  applied(): { eventSeq: number; batchSeq: number } {
    return this.written;
  }

  apply(events: readonly PlacedEvent[], batchSeq: number): void {
    this.projection.apply(events, batchSeq);
  }

  pending(): number {
    return this.projection.eventSeq - this.written.eventSeq;
  }

  async flush(): Promise<void> {
    while (this.unwritten || this.projection.pending > 0) {
      const batch = (this.unwritten ??= this.projection.take());
      await this.write(batch).catch(rethrow);
      this.unwritten = undefined;
      this.written = { eventSeq: batch.eventSeq, batchSeq: batch.batchSeq };
    }
  }

  private async write(batch: RowBatch): Promise<void> {
    const { writer: connection } = this.parts;
    await transaction(connection, async () => {
      for (const [table, rows] of Object.entries(batch.updates)) {
        if (rows.chunks.length === 0) continue;
        await this.chunks.append({ connection, temporary: true }, table, rows);
        await connection.run(applyStaging[table as Staging]);
        await connection.run(`delete from ${table}`);
      }
      for (const [table, rows] of Object.entries(batch.inserts)) await this.chunks.append({ connection }, table, rows);
      await connection.run("update projection set applied_event_seq = $1, applied_batch_seq = $2", [
        BigInt(batch.eventSeq),
        BigInt(batch.batchSeq),
      ]);
    });
  }

  runs(query: RunsQuery): Promise<Page<RunView>> {
    return this.parts.lists.runs(query);
  }

  async run(runId: string): Promise<RunView | null> {
    return (await this.parts.lists.runs({ limit: 1, run_id: runId })).items[0] ?? null;
  }

  tasks(query: TasksQuery): Promise<Page<TaskView>> {
    return this.parts.lists.tasks(query);
  }

  async task(runId: string, taskId: string): Promise<TaskView | null> {
    return (await this.parts.lists.tasks({ limit: 1, run_id: runId, task_id: taskId })).items[0] ?? null;
  }

  attempts(query: AttemptsQuery): Promise<Page<AttemptView>> {
    return this.parts.lists.attempts(query);
  }

  workers(query: WorkersQuery): Promise<Page<WorkerView>> {
    return this.parts.lists.workers(query);
  }

  results(query: ResultsQuery): Promise<Page<ResultView>> {
    return this.parts.lists.results(query);
  }

  artifacts(query: ArtifactsQuery): Promise<Page<ArtifactView>> {
    return this.parts.lists.artifacts(query);
  }

  tests(query: TestsQuery): Promise<Page<TestView>> {
    return this.parts.lists.tests(query);
  }

  evidenceSince(tests: readonly TestSince[]): Promise<TestEvidence[]> {
    return this.parts.known.evidenceSince(tests);
  }

  knownTests(request: KnownTestsRequest): Promise<KnownTest[]> {
    return this.parts.known.of(request);
  }

  async patterns(sinceMs: number, ended: readonly EndedPattern[]): Promise<FailurePattern[]> {
    const attempts = await this.parts.attemptFactors.since(sinceMs, this.projection.workers).catch(rethrow);
    return findPatterns(attempts, ended);
  }

  sql(sql: string, maxRows: number): Promise<SqlResponse> {
    return userSql(this.parts, sql, maxRows);
  }

  async close(): Promise<void> {
    await this.flush();
    this.parts.writer.closeSync();
    this.parts.lists.close();
    this.parts.attemptFactors.close();
    this.parts.known.close();
    this.parts.close();
  }
}
