import { createClient } from "../client/index.ts";
import type { SqlResponse } from "../contracts/index.ts";
import { dataFolder } from "../coordinator/index.ts";
import { openResultsReadOnly } from "../results/index.ts";
import type { Invocation } from "./cli.ts";
import { findConnection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";
import { dataDirOf, requireData } from "./data-folders.ts";

/** Asks the results: through the coordinator, or when none runs, straight in the data folder. */
export async function queryResults(
  { options, context }: Invocation<ConnectionOptions>,
  query: { sql: string; maxRows: number },
): Promise<SqlResponse> {
  const connection = await findConnection(options, context);
  if (connection !== undefined) return createClient(connection).sql(query.sql, query.maxRows);
  const { results } = dataFolder(dataDirOf(options, context));
  await requireData(results, "database of results");
  const database = await openResultsReadOnly({ path: results });
  try {
    return await database.sql(query.sql, query.maxRows);
  } finally {
    await database.close();
  }
}
