import { readFile } from "node:fs/promises";
import { knownTest, MUTE_WINDOW } from "../contracts/index.ts";
import type { KnownTest, KnownTestsRequest, TestEvidence, TestName } from "../contracts/index.ts";
import { flakyProbability } from "../stats/index.ts";
import type { Connection, DuckDb } from "./duckdb.ts";
import { storable } from "./json-text.ts";
import { rethrow } from "./result-file.ts";
import { firstTestNo } from "./result-rows.ts";

/** A test, and the event after which its results count. */
export interface TestSince {
  test: TestName;
  sinceSeq: number;
}

type Row = Record<string, unknown>;

/** Reads what earlier runs say of tests. */
export class KnownTests {
  private readonly connection: Connection;
  private readonly duckdb: DuckDb;
  private readonly statements: Record<"known" | "evidence", string>;

  private constructor(
    at: { connection: Connection; duckdb: DuckDb },
    statements: Record<"known" | "evidence", string>,
  ) {
    this.connection = at.connection;
    this.duckdb = at.duckdb;
    this.statements = statements;
  }

  static async open(at: { connection: Connection; duckdb: DuckDb }): Promise<KnownTests> {
    const statement = (name: string): Promise<string> =>
      readFile(new URL(`./queries/${name}.sql`, import.meta.url), "utf8");
    const [known, evidence] = await Promise.all([statement("known-tests"), statement("test-evidence")]);
    return new KnownTests(at, { known, evidence });
  }

  /** In the order of the request; a test that never ran is left out. */
  async of({ framework, directory, test_ids }: KnownTestsRequest): Promise<KnownTest[]> {
    const { VARCHAR } = this.duckdb;
    const stored = test_ids.map(storable);
    const reader = await this.connection
      .runAndReadAll(
        this.statements.known,
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

  /**
   * What tests have shown since, of the last `MUTE_WINDOW` times that each ran, in the order of the request. Failures count on any
   * code, also on one that may be broken: what never passes is not steady.
   */
  async evidenceSince(tests: readonly TestSince[]): Promise<TestEvidence[]> {
    if (tests.length === 0) return [];
    const { VARCHAR, INTEGER } = this.duckdb;
    const asked = tests.map(({ test: { framework, directory, testId }, sinceSeq }) => {
      return { framework, directory, test_id: storable(testId), since_no: firstTestNo(sinceSeq) };
    });
    const reader = await this.connection
      .runAndReadAll(
        this.statements.evidence,
        { tests: JSON.stringify(asked), most: MUTE_WINDOW },
        { tests: VARCHAR, most: INTEGER },
      )
      .catch(rethrow);
    const rows = new Map(reader.getRowObjectsJson().map((row) => [Number(row["place"]), row]));
    return tests.map((_, index) => evidenceOf(rows.get(index + 1) ?? {}));
  }

  close(): void {
    this.connection.closeSync();
  }
}

function viewOf(testId: string, row: Row): KnownTest {
  const { passes, failures, flaky_probability } = evidenceOf(row);
  return knownTest.parse({
    test_id: testId,
    expected_seconds: row["expected_seconds"],
    last_outcome: row["last_outcome"],
    last_count: countIn(row, "last_count"),
    last_failures: countIn(row, "last_failures"),
    flaky_probability,
    evidence: {
      passes,
      failures,
      codes: countIn(row, "codes"),
      differing_codes: countIn(row, "differing_codes"),
      passes_after_retries: countIn(row, "passes_after_retries"),
    },
  });
}

function evidenceOf(row: Row): TestEvidence {
  const passes = countIn(row, "passes");
  const failures = countIn(row, "failures");
  return { runs: countIn(row, "runs"), passes, failures, flaky_probability: flakyProbability({ passes, failures }) };
}

function countIn(row: Row, name: string): number {
  return Number(row[name] ?? 0);
}
