import type { DuckDBConnection } from "@duckdb/node-api";
import { errorCode, errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";

/** The one place that loads DuckDB. */
export type DuckDb = typeof import("@duckdb/node-api") & { bindings: Bindings };
/** What the API is made of: whole columns can be written only through it. */
export type Bindings = typeof import("@duckdb/node-bindings");
export type Connection = DuckDBConnection;

/** @throws AssayError `dependency_missing` */
export async function loadDuckDb(): Promise<DuckDb> {
  try {
    const [api, bindings] = await Promise.all([import("@duckdb/node-api"), import("@duckdb/node-bindings")]);
    // A CommonJS module: all that it exports is its default, of which its types know nothing.
    return { ...api, bindings: (bindings as unknown as { default: Bindings }).default };
  } catch (error) {
    if (errorCode(error) !== "ERR_MODULE_NOT_FOUND" && errorCode(error) !== "MODULE_NOT_FOUND") throw error;
    throw assayError("dependency_missing", `DuckDB is not installed: ${errorMessage(error)}`, {
      cause: error,
      next: "Run `npm ci`.",
    });
  }
}
