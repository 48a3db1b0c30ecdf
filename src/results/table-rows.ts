/** A column as DuckDB stores it: text, whole numbers, numbers, truth values, and times in milliseconds since 1970 UTC. */
export type ColumnKind = "text" | "int" | "bigint" | "double" | "boolean" | "time";
export type Cell = string | number | boolean | null;

/** Rows on their way into one table, kept by column: that is how they are written. */
export class TableRows {
  readonly kinds: readonly ColumnKind[];
  readonly columns: readonly Cell[][];

  constructor(kinds: readonly ColumnKind[]) {
    this.kinds = kinds;
    this.columns = kinds.map(() => []);
  }

  get count(): number {
    return this.columns[0]?.length ?? 0;
  }

  add(row: readonly Cell[]): void {
    for (let index = 0; index < row.length; index += 1) this.columns[index]?.push(row[index] ?? null);
  }
}
