import { readFile } from "node:fs/promises";
import { knownTest } from "../contracts/index.ts";
import type { KnownTest, KnownTestsRequest } from "../contracts/index.ts";
import { flakyProbability } from "../stats/index.ts";
import type { Connection, DuckDb } from "./duckdb.ts";
import { storable } from "./json-text.ts";
import { rethrow } from "./result-file.ts";

/** Reads what earlier runs say of tests. */
export class KnownTests {
  private readonly connection: Connection;
  private readonly duckdb: DuckDb;
  private readonly statement: string;

  private constructor(at: { connection: Connection; duckdb: DuckDb }, statement: string) {
    this.connection = at.connection;
    this.duckdb = at.duckdb;
    this.statement = statement;
  }

  static async open(at: { connection: Connection; duckdb: DuckDb }): Promise<KnownTests> {
    const statement = await readFile(new URL("./queries/known-tests.sql", import.meta.url), "utf8");
    return new KnownTests(at, statement);
  }

  /** In the order of the request; a test that never ran is left out. */
  async of({ framework, directory, test_ids }: KnownTestsRequest): Promise<KnownTest[]> {
    const { VARCHAR } = this.duckdb;
    const stored = test_ids.map(storable);
    const reader = await this.connection
      .runAndReadAll(
        this.statement,
        { framework, directory, ids: JSON.stringify(stored) },
        { framework: VARCHAR, directory: VARCHAR, ids: VARCHAR },
      )
      .catch(rethrow);
    const rows = new Map(reader.getRowObjectsJson().map((row) => [row["test_id"], row]));
    return test_ids.flatMap((testId, index) => {
      const row = rows.get(stored[index] ?? "");
      return row === undefined ? [] : viewOf(testId, row);
    });
  }

  close(): void {
    this.connection.closeSync();
  }
}

function viewOf(testId: string, row: Record<string, unknown>): KnownTest {
  const count = (name: string): number => Number(row[name]);
  const passes = count("passes");
  const failures = count("failures");
  return knownTest.parse({
    test_id: testId,
    expected_seconds: row["expected_seconds"],
    last_outcome: row["last_outcome"],
    last_count: count("last_count"),
    last_failures: count("last_failures"),
    flaky_probability: flakyProbability({ passes, failures }),
    evidence: {
      passes,
      failures,
      codes: count("codes"),
      differing_codes: count("differing_codes"),
      passes_after_retries: count("passes_after_retries"),
    },
  });
}
