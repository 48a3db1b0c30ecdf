import { readFile } from "node:fs/promises";
import { isoTime } from "../base/index.ts";
import {
  artifactView,
  assayError,
  attemptView,
  resultView,
  runView,
  taskView,
  testView,
  workerView,
} from "../contracts/index.ts";
import type {
  ArtifactView,
  ArtifactsQuery,
  AttemptView,
  AttemptsQuery,
  Page,
  ResultView,
  ResultsQuery,
  RunView,
  RunsQuery,
  TaskView,
  TasksQuery,
  TestView,
  TestsQuery,
  WorkerView,
  WorkersQuery,
} from "../contracts/index.ts";
import type { Connection, DuckDb } from "./duckdb.ts";
import { storable } from "./json-text.ts";
import { rethrow } from "./result-file.ts";

type Columns = Record<string, unknown>;
type ListName = "runs" | "tasks" | "attempts" | "workers" | "results" | "artifacts" | "tests";

/** The filters of each list, as its SQL names them. */
const filters: Record<ListName, readonly string[]> = {
  runs: ["run_id", "state", "name"],
  tasks: ["run_id", "task_id", "status", "type", "worker_id"],
  attempts: ["run_id", "task_id", "worker_id", "status"],
  workers: ["status", "name"],
  results: ["run_id", "task_id", "worker_id", "model", "backend", "hardware", "status"],
  artifacts: ["run_id", "task_id", "sha256"],
  tests: ["run_id", "task_id", "framework", "test_id", "outcome"],
};

interface PageQuery {
  limit: number;
  cursor?: string | undefined;
}

/** The lists of the REST API: pages by cursor, the key of the last row. */
export class Lists {
  private readonly connection: Connection;
  private readonly duckdb: DuckDb;
  private readonly statements: Record<ListName, string>;

  private constructor(at: { connection: Connection; duckdb: DuckDb }, statements: Record<ListName, string>) {
    this.connection = at.connection;
    this.duckdb = at.duckdb;
    this.statements = statements;
  }

  static async open(at: { connection: Connection; duckdb: DuckDb }): Promise<Lists> {
    const statement = (name: ListName): Promise<string> =>
      readFile(new URL(`./queries/${name}.sql`, import.meta.url), "utf8");
    const [runs, tasks, attempts, workers, results, artifacts, tests] = await Promise.all([
      statement("runs"),
      statement("tasks"),
      statement("attempts"),
      statement("workers"),
      statement("results"),
      statement("artifacts"),
      statement("tests"),
    ]);
    return new Lists(at, { runs, tasks, attempts, workers, results, artifacts, tests });
  }

  runs(query: RunsQuery & { run_id?: string }): Promise<Page<RunView>> {
    return this.page("runs", query, (row) =>
      runView.parse({
        run_id: row["run_id"],
        name: row["name"],
        state: row["state"],
        submitted_by: row["submitted_by"],
        create_time: time(row["create_ms"]),
        end_time: maybeTime(row["end_ms"]),
        counts: counts(row),
      }),
    );
  }

  tasks(query: TasksQuery & { task_id?: string }): Promise<Page<TaskView>> {
    return this.page("tasks", query, (row) =>
      taskView.parse({
        run_id: row["run_id"],
        task_id: row["task_id"],
        type: row["type"],
        priority: row["priority"],
        status: row["status"],
        failure_class: row["failure_class"],
        attempts: row["attempts"],
        worker_id: row["worker_id"],
        create_time: time(row["create_ms"]),
        start_time: maybeTime(row["start_ms"]),
        end_time: maybeTime(row["end_ms"]),
        spec: json(row["spec"]),
      }),
    );
  }

  attempts(query: AttemptsQuery): Promise<Page<AttemptView>> {
    return this.page("attempts", query, (row) =>
      attemptView.parse({
        run_id: row["run_id"],
        task_id: row["task_id"],
        attempt: row["attempt"],
        worker_id: row["worker_id"],
        lease_seq: Number(row["lease_seq"]),
        status: row["status"],
        hardware: row["hardware"],
        lease_time: time(row["lease_ms"]),
        start_time: maybeTime(row["start_ms"]),
        end_time: maybeTime(row["end_ms"]),
        execution_time_seconds: row["execution_time_seconds"],
        failure: json(row["failure"]),
      }),
    );
  }

  workers(query: WorkersQuery): Promise<Page<WorkerView>> {
    return this.page("workers", query, (row) =>
      workerView.parse({
        worker_id: row["worker_id"],
        name: row["name"],
        hostname: row["hostname"],
        status: row["status"],
        registration_time: time(row["registration_ms"]),
        last_heartbeat: maybeTime(row["heartbeat_ms"]),
        slots: row["slots"],
        capabilities: json(row["capabilities"]),
        hardware_metrics: json(row["hardware_metrics"]),
        tags: json(row["tags"]),
        quarantine: json(row["quarantine"]),
        held_until: maybeTime(row["held_until_ms"]),
      }),
    );
  }

  results(query: ResultsQuery): Promise<Page<ResultView>> {
    return this.page("results", query, (row) =>
      resultView.parse({
        run_id: row["run_id"],
        task_id: row["task_id"],
        attempt: row["attempt"],
        worker_id: row["worker_id"],
        status: row["status"],
        model: row["model"],
        precision: row["precision"],
        backend: row["backend"],
        observed_backend: row["observed_backend"],
        hardware: row["hardware"],
        device: row["device"],
        execution_time_seconds: row["execution_time_seconds"],
        end_time: time(row["end_ms"]),
        hardware_metrics: json(row["hardware_metrics"]),
        results: json(row["results"]),
        provenance: json(row["provenance"]),
        failure: json(row["failure"]),
        partial: row["partial"],
        isolation: json(row["isolation"]),
        recovery: json(row["recovery"]),
      }),
    );
  }

  artifacts(query: ArtifactsQuery): Promise<Page<ArtifactView>> {
    return this.page("artifacts", query, (row) =>
      artifactView.parse({
        run_id: row["run_id"],
        task_id: row["task_id"],
        attempt: row["attempt"],
        name: row["name"],
        sha256: row["sha256"],
        size_bytes: Number(row["size_bytes"]),
        content_type: row["content_type"],
      }),
    );
  }

  tests(query: TestsQuery): Promise<Page<TestView>> {
    return this.page("tests", query, (row) =>
      testView.parse({
        run_id: row["run_id"],
        task_id: row["task_id"],
        attempt: row["attempt"],
        worker_id: row["worker_id"],
        machine_class: row["machine_class"],
        framework: row["framework"],
        directory: row["directory"],
        workspace: row["workspace"],
        test_id: row["test_id"],
        file: row["file"],
        outcome: row["outcome"],
        duration_seconds: row["duration_seconds"],
        retries: row["retries"],
        muted: row["muted"],
        message: row["message"],
        output: row["output"],
        libraries: json(row["libraries"]),
        end_time: time(row["end_ms"]),
      }),
    );
  }

  close(): void {
    this.connection.closeSync();
  }

  private async page<Item>(
    list: ListName,
    query: PageQuery & Columns,
    view: (row: Columns) => Item,
  ): Promise<Page<Item>> {
    const { VARCHAR, BIGINT, INTEGER } = this.duckdb;
    const keyType = list === "workers" ? VARCHAR : BIGINT;
    const key = query.cursor === undefined ? null : decodeCursor(query.cursor, list);
    const names = filters[list];
    const values = Object.fromEntries(names.map((name) => [name, filterText(query[name])]));
    const types = Object.fromEntries(names.map((name) => [name, VARCHAR]));
    const reader = await this.connection
      .runAndReadAll(
        this.statements[list],
        { ...values, cursor: key === null || list === "workers" ? key : BigInt(key), limit: query.limit + 1 },
        { ...types, cursor: keyType, limit: INTEGER },
      )
      .catch(rethrow);
    const rows: Columns[] = reader.getRowObjectsJson();
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    const more = rows.length > query.limit && last !== undefined;
    return { items: shown.map(view), next_cursor: more ? encodeCursor(list, String(last["cursor_key"])) : null };
  }
}

/** Filters are words and numbers. */
function filterText(value: unknown): string | null {
  return typeof value === "string" || typeof value === "number" ? storable(String(value)) : null;
}

function encodeCursor(list: ListName, key: string): string {
  return Buffer.from(JSON.stringify([list, key])).toString("base64url");
}

function decodeCursor(cursor: string, list: ListName): string {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (
      Array.isArray(decoded) &&
      decoded[0] === list &&
      typeof decoded[1] === "string" &&
      (list === "workers" || /^\d{1,18}$/.test(decoded[1]))
    )
      return decoded[1];
  } catch {
    // Not ours: reported below.
  }
  throw assayError("bad_request", "The cursor is not one that this list gave.", {
    path: "cursor",
    next: "Start again without a cursor.",
  });
}

function time(value: unknown): string {
  return isoTime(Number(value));
}

function maybeTime(value: unknown): string | null {
  return value === null ? null : time(value);
}

function json(value: unknown): unknown {
  return typeof value === "string" ? JSON.parse(value) : value;
}

function counts(row: Columns): Record<string, number> {
  const names = ["total", "waiting", "running", "completed", "failed", "error", "cancelled", "skipped"];
  return Object.fromEntries(names.map((name) => [name, Number(row[name])]));
}
