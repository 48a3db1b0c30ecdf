import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { assayError } from "../contracts/index.ts";
import type { Connection } from "./duckdb.ts";

export interface Migration {
  version: number;
  sql: string;
}

/** The numbered migrations of this version of Assay, oldest first. */
export async function readMigrations(folder: URL = new URL("./migrations/", import.meta.url)): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{6}\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => ({
      version: Number(name.slice(0, 6)),
      sql: await readFile(new URL(name, folder), "utf8"),
    })),
  );
}

/**
 * Brings a database up to date, each migration in a transaction of its own.
 *
 * @throws AssayError `schema_newer` when a later Assay wrote it, `conflict` when an applied migration was edited
 */
export async function migrate(connection: Connection, migrations: readonly Migration[]): Promise<void> {
  await connection.run(
    "create table if not exists schema_migrations (version integer not null, checksum varchar not null, applied_time timestamp not null)",
  );
  const reader = await connection.runAndReadAll("select version, checksum from schema_migrations");
  const applied = new Map(
    reader.getRowsJson().map(([version, sum]) => [Number(version), typeof sum === "string" ? sum : ""]),
  );
  const newest = migrations.at(-1)?.version ?? 0;
  for (const version of applied.keys()) {
    if (version > newest)
      throw assayError("schema_newer", `The results have schema ${version}; this Assay knows ${newest}.`);
  }
  for (const { version, sql } of migrations) {
    const checksum = createHash("sha256").update(sql).digest("hex");
    const known = applied.get(version);
    if (known === checksum) continue;
    if (known !== undefined) {
      throw assayError("conflict", `Migration ${version} was changed after it had been applied.`, {
        next: "Remove results.duckdb: it is made again from the journal.",
      });
    }
    await transaction(connection, async () => {
      await connection.run(sql);
      await connection.run("insert into schema_migrations values ($1, $2, now()::timestamp)", [version, checksum]);
    });
  }
}

/** Runs an action in a transaction that is taken back when it fails. */
export async function transaction(connection: Connection, action: () => Promise<void>): Promise<void> {
  await connection.run("begin transaction");
  try {
    await action();
    await connection.run("commit");
  } catch (error) {
    await connection.run("rollback");
    throw error;
  }
}
