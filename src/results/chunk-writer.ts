import type { Bindings, Connection, DuckDb } from "./duckdb.ts";
import { storable } from "./json-text.ts";
import { CHUNK_ROWS } from "./table-rows.ts";
import type { ColumnKind, NumberColumn, RowChunk, TableRows, TextColumn } from "./table-rows.ts";

const HALF_RANGE = 2 ** 32;
const MICROS_PER_MS = 1_000;

type Vector = ReturnType<Bindings["data_chunk_get_vector"]>;
type LogicalType = ReturnType<Bindings["create_enum_type"]>;

/**
 * Writes rows into tables a chunk of columns at a time. Numbers are copied as memory and repeated text by dictionary, because
 * a call into DuckDB for each cell costs more than everything else that happens to a row.
 */
export class ChunkWriter {
  private readonly duckdb: DuckDb;
  private readonly types: Record<ColumnKind, LogicalType>;
  private readonly buffer = new ArrayBuffer(CHUNK_ROWS * 8);
  private readonly bytes = new Uint8Array(this.buffer);
  private readonly ints = new Int32Array(this.buffer);

  constructor(duckdb: DuckDb) {
    this.duckdb = duckdb;
    const { VARCHAR, INTEGER, BIGINT, DOUBLE, BOOLEAN, TIMESTAMP } = duckdb;
    this.types = {
      text: VARCHAR.toLogicalType().logical_type,
      int: INTEGER.toLogicalType().logical_type,
      bigint: BIGINT.toLogicalType().logical_type,
      double: DOUBLE.toLogicalType().logical_type,
      boolean: BOOLEAN.toLogicalType().logical_type,
      time: TIMESTAMP.toLogicalType().logical_type,
    };
  }

  /** Appends rows to a table in the connection's transaction. */
  async append(to: { connection: Connection; temporary?: boolean }, table: string, rows: TableRows): Promise<void> {
    if (rows.chunks.length === 0) return;
    const appender = await to.connection.createAppender(table, "main", to.temporary ? "temp" : undefined);
    for (const chunk of rows.chunks) appender.appendDataChunk(this.chunk(chunk));
    appender.closeSync();
  }

  private chunk({ columns, count }: RowChunk): InstanceType<DuckDb["DuckDBDataChunk"]> {
    const { bindings, DuckDBDataChunk } = this.duckdb;
    const chunk = bindings.create_data_chunk(columns.map((column) => this.typeOf(column)));
    bindings.data_chunk_set_size(chunk, count);
    for (const [index, column] of columns.entries()) {
      const vector = bindings.data_chunk_get_vector(chunk, index);
      const { bits } = column.validity;
      if (bits) {
        bindings.vector_ensure_validity_writable(vector);
        bindings.copy_data_to_vector_validity(vector, 0, bits.buffer as ArrayBuffer, 0, bits.length);
      }
      if (column.kind === "text") this.writeText(vector, column, count);
      else this.writeNumbers(vector, column, count);
    }
    return new DuckDBDataChunk(chunk);
  }

  /** Text of few different words is an enumeration, which DuckDB makes text of again. It has at least one word. */
  private typeOf(column: NumberColumn | TextColumn): LogicalType {
    if (column.kind !== "text" || column.texts) return this.types[column.kind];
    return this.duckdb.bindings.create_enum_type(column.words.length === 0 ? [""] : column.words);
  }

  private writeText(vector: Vector, { texts, places }: TextColumn, count: number): void {
    if (!texts) return this.copy(vector, places, count);
    const { bindings } = this.duckdb;
    for (let row = 0; row < count; row += 1) {
      const text = texts[row] ?? null;
      if (text !== null) bindings.vector_assign_string_element(vector, row, storable(text));
    }
  }

  private writeNumbers(vector: Vector, { kind, values }: NumberColumn, count: number): void {
    switch (kind) {
      case "double":
        return this.copy(vector, values, count * 8);
      case "int":
        this.ints.set(values);
        return this.copy(vector, this.ints, count * 4);
      case "boolean":
        this.bytes.set(values);
        return this.copy(vector, this.bytes, count);
      case "bigint":
      case "time": {
        const factor = kind === "time" ? MICROS_PER_MS : 1;
        for (let row = 0; row < count; row += 1) this.setLong(row, Math.round(values[row] ?? 0) * factor);
        return this.copy(vector, this.bytes, count * 8);
      }
    }
  }

  /** Eight bytes, the lower half first, as on every processor that DuckDB comes for. Without BigInt, which is far slower. */
  private setLong(row: number, value: number): void {
    const upper = Math.floor(value / HALF_RANGE);
    this.ints[2 * row] = value - upper * HALF_RANGE;
    this.ints[2 * row + 1] = upper;
  }

  private copy(vector: Vector, from: Uint8Array | Int32Array | Float64Array, byteCount: number): void {
    this.duckdb.bindings.copy_data_to_vector(vector, 0, from.buffer as ArrayBuffer, 0, byteCount);
  }
}
