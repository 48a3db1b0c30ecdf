import { readFile } from "node:fs/promises";
import { failureClasses, placeFactors, workFactors } from "../contracts/index.ts";
import type { FailureClass, Factors } from "../contracts/index.ts";
import type { Connection, DuckDb } from "./duckdb.ts";
import type { WorkerRow } from "./rows.ts";

/** An attempt as the search for patterns sees it. */
export interface AttemptFacts {
  runId: string;
  taskId: string;
  attempt: number;
  endMs: number;
  workerId: string;
  /** All that is known of its worker, platform and task. */
  factors: Factors;
  /** What tasks that do the very same share. */
  work: string;
  /** Null for success. */
  failure: FailureClass | null;
}

/** So many attempts at most are looked at, the newest. */
const MAX_ATTEMPTS = 5_000;

/** Reads the attempts of a time window with their factors. */
export class AttemptFactors {
  private readonly connection: Connection;
  private readonly duckdb: DuckDb;
  private readonly statement: string;

  private constructor(at: { connection: Connection; duckdb: DuckDb }, statement: string) {
    this.connection = at.connection;
    this.duckdb = at.duckdb;
    this.statement = statement;
  }

  static async open(at: { connection: Connection; duckdb: DuckDb }): Promise<AttemptFactors> {
    const statement = await readFile(new URL("./queries/attempt-factors.sql", import.meta.url), "utf8");
    return new AttemptFactors(at, statement);
  }

  /** Workers count as what they were last seen to be. */
  async since(sinceMs: number, workers: ReadonlyMap<string, WorkerRow>): Promise<AttemptFacts[]> {
    const { BIGINT, INTEGER } = this.duckdb;
    const reader = await this.connection.runAndReadAll(
      this.statement,
      { since_ms: BigInt(Math.round(sinceMs)), limit: MAX_ATTEMPTS },
      { since_ms: BIGINT, limit: INTEGER },
    );
    const places = new Map(
      Array.from(workers, ([workerId, { capabilities }]) => [workerId, placeFactors(workerId, capabilities)]),
    );
    return reader.getRowObjectsJson().map((row) => factsOf(row, places));
  }

  close(): void {
    this.connection.closeSync();
  }
}

function factsOf(row: Record<string, unknown>, places: ReadonlyMap<string, Factors>): AttemptFacts {
  const { run_id, task_id, worker_id, status, hardware, model, type } = row;
  const workerId = String(worker_id);
  return {
    runId: String(run_id),
    taskId: String(task_id),
    attempt: Number(row["attempt"]),
    endMs: Number(row["end_ms"]),
    workerId,
    factors: {
      ...(places.get(workerId) ?? { worker: workerId }),
      ...(typeof hardware === "string" ? { hardware } : {}),
      ...workFactors(String(type), typeof model === "string" ? model : null),
    },
    work: String(row["work"]),
    failure: failureOf(String(status), row["failure_class"]),
  };
}

function failureOf(status: string, given: unknown): FailureClass | null {
  if (status === "succeeded") return null;
  if (status === "lost") return "worker_lost";
  return failureClasses.find((one) => one === given) ?? (status === "timed_out" ? "timeout" : "crash");
}
