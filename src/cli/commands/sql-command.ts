import type { Command } from "commander";
import type { JsonValue } from "../../base/index.ts";
import type { SqlResponse } from "../../contracts/index.ts";
import { withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { wholeNumber } from "../option-values.ts";
import { queryResults } from "../result-query.ts";
import { harmless } from "../style.ts";
import { renderTable } from "../table.ts";

interface Options extends ConnectionOptions {
  maxRows: number;
}

const SHOWN_DIGITS = 6;

export function addSqlCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "sql", "ask the results in SQL (DuckDB; reading only)"))
    .argument("<query>", "e.g. 'select * from matrix'")
    .option("--max-rows <count>", "most rows to show", wholeNumber(1, 100_000), 1_000)
    .action(
      cli.action<Options>(async (invocation) => {
        const { screen, options } = invocation;
        const [sql = ""] = invocation.args;
        const answer = await queryResults(invocation, { sql, maxRows: options.maxRows });
        screen.result(() => answerLines(answer, { style: screen.outStyle, width: screen.width }), answer);
        if (answer.truncated) screen.warn(`only the first ${options.maxRows} rows are shown; --max-rows shows more`);
        return undefined;
      }),
    );
}

function answerLines({ columns, rows }: SqlResponse, look: Parameters<typeof renderTable>[2]): string[] {
  const numeric = columns.map((_, index) => rows.every((row) => row[index] === null || typeof row[index] === "number"));
  const heads = columns.map((header, index) => ({ header, ...(numeric[index] ? { align: "right" as const } : {}) }));
  return renderTable(
    heads,
    rows.map((row) => row.map(cellText)),
    look,
  );
}

function cellText(value: JsonValue): string {
  if (value === null) return "";
  // The exact number is in the JSON.
  if (typeof value === "number")
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(SHOWN_DIGITS)));
  return typeof value === "string" ? harmless(value) : JSON.stringify(value);
}
