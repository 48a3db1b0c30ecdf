import { readFile } from "node:fs/promises";
import { capabilityDocument, failureClasses, placeFactors, workFactors } from "../contracts/index.ts";
import type { FailureClass, Factors } from "../contracts/index.ts";
import type { Connection, DuckDb } from "./duckdb.ts";

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

/** Reads the attempts of a time window with their factors. Workers count as what they were last seen to be. */
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

  async since(sinceMs: number): Promise<AttemptFacts[]> {
    const { BIGINT, INTEGER } = this.duckdb;
    const places = await this.places();
    const reader = await this.connection.runAndReadAll(
      this.statement,
      { since_ms: BigInt(Math.round(sinceMs)), limit: MAX_ATTEMPTS },
      { since_ms: BIGINT, limit: INTEGER },
    );
    return reader.getRowObjectsJson().map((row) => factsOf(row, places));
  }

  close(): void {
    this.connection.closeSync();
  }

  private async places(): Promise<Map<string, Factors>> {
    const reader = await this.connection.runAndReadAll("select worker_id, capabilities from worker_nodes");
    return new Map(
      reader.getRowsJson().map(([id, capabilities]) => {
        const workerId = id as string;
        return [workerId, placeFactors(workerId, capabilityDocument.parse(JSON.parse(capabilities as string)))];
      }),
    );
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
