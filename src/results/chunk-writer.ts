import type { Bindings, Connection, DuckDb } from "./duckdb.ts";
import { storable } from "./json-text.ts";
import type { Cell, ColumnKind, TableRows } from "./table-rows.ts";

/** What DuckDB takes at once. */
const CHUNK_ROWS = 2_048;
/** An index into a dictionary of so many words takes one byte. */
const MAX_WORDS = 255;
const BYTES = { text: 1, int: 4, bigint: 8, double: 8, boolean: 1, time: 8 } as const satisfies Record<
  ColumnKind,
  number
>;
const HALF_RANGE = 2 ** 32;
const MICROS_PER_MS = 1_000;

type Vector = ReturnType<Bindings["data_chunk_get_vector"]>;

/** A part of a column. */
interface Slice {
  kind: ColumnKind;
  cells: readonly Cell[];
  from: number;
  count: number;
}

/** Text of few different words: DuckDB gets the words once and a byte for each row, and makes text of it again. */
interface Dictionary {
  words: string[];
  places: Uint8Array;
}

/**
 * Writes rows into tables a chunk of columns at a time. Numbers are copied as memory and repeated text by dictionary, because
 * a call into DuckDB for each cell costs more than everything else that happens to a row.
 */
export class ChunkWriter {
  private readonly duckdb: DuckDb;
  private readonly buffer = new ArrayBuffer(CHUNK_ROWS * 8);
  private readonly bytes = new Uint8Array(this.buffer);
  private readonly ints = new Int32Array(this.buffer);
  private readonly doubles = new Float64Array(this.buffer);
  private readonly validity = new Uint8Array(CHUNK_ROWS / 8);

  constructor(duckdb: DuckDb) {
    this.duckdb = duckdb;
  }

  /** Appends rows to a table in the connection's transaction. */
  async append(to: { connection: Connection; temporary?: boolean }, table: string, rows: TableRows): Promise<void> {
    if (rows.count === 0) return;
    const appender = await to.connection.createAppender(table, "main", to.temporary ? "temp" : undefined);
    for (let from = 0; from < rows.count; from += CHUNK_ROWS) {
      appender.appendDataChunk(this.chunk(rows, { from, count: Math.min(CHUNK_ROWS, rows.count - from) }));
    }
    appender.closeSync();
  }

  private chunk(
    rows: TableRows,
    { from, count }: { from: number; count: number },
  ): InstanceType<DuckDb["DuckDBDataChunk"]> {
    const { bindings, DuckDBDataChunk } = this.duckdb;
    const parts = rows.kinds.map((kind, index) => {
      const slice: Slice = { kind, cells: rows.columns[index] ?? [], from, count };
      return { slice, dictionary: kind === "text" ? dictionaryOf(slice) : undefined };
    });
    const chunk = bindings.create_data_chunk(
      parts.map(({ slice, dictionary }) =>
        dictionary ? bindings.create_enum_type(dictionary.words) : this.typeOf(slice.kind),
      ),
    );
    bindings.data_chunk_set_size(chunk, count);
    for (const [index, { slice, dictionary }] of parts.entries()) {
      const vector = bindings.data_chunk_get_vector(chunk, index);
      this.writeNulls(vector, slice);
      if (dictionary) this.copy(vector, dictionary.places, count);
      else if (slice.kind === "text") this.writeTexts(vector, slice);
      else this.writeNumbers(vector, slice);
    }
    return new DuckDBDataChunk(chunk);
  }

  private typeOf(kind: ColumnKind): ReturnType<Bindings["create_enum_type"]> {
    const { VARCHAR, INTEGER, BIGINT, DOUBLE, BOOLEAN, TIMESTAMP } = this.duckdb;
    const types = { text: VARCHAR, int: INTEGER, bigint: BIGINT, double: DOUBLE, boolean: BOOLEAN, time: TIMESTAMP };
    return types[kind].toLogicalType().logical_type;
  }

  /** One bit for each row: whether it has a value. */
  private writeNulls(vector: Vector, { cells, from, count }: Slice): void {
    const { bindings } = this.duckdb;
    let nulls = 0;
    this.validity.fill(0xff);
    for (let row = 0; row < count; row += 1) {
      if (cells[from + row] !== null) continue;
      nulls += 1;
      this.validity[row >> 3] = (this.validity[row >> 3] ?? 0) & ~(1 << (row & 7));
    }
    if (nulls === 0) return;
    bindings.vector_ensure_validity_writable(vector);
    bindings.copy_data_to_vector_validity(vector, 0, this.validity.buffer, 0, this.validity.length);
  }

  private writeTexts(vector: Vector, { cells, from, count }: Slice): void {
    const { bindings } = this.duckdb;
    for (let row = 0; row < count; row += 1) {
      const cell = cells[from + row] ?? null;
      if (cell !== null) bindings.vector_assign_string_element(vector, row, storable(String(cell)));
    }
  }

  private writeNumbers(vector: Vector, { kind, cells, from, count }: Slice): void {
    for (let row = 0; row < count; row += 1) {
      const value = Number(cells[from + row] ?? 0);
      if (kind === "int") this.ints[row] = value;
      else if (kind === "double") this.doubles[row] = value;
      else if (kind === "boolean") this.bytes[row] = value;
      else this.setLong(row, kind === "time" ? Math.round(value) * MICROS_PER_MS : value);
    }
    this.copy(vector, this.bytes, count * BYTES[kind]);
  }

  /** Eight bytes, the lower half first, as on every processor that DuckDB comes for. Without BigInt, which is far slower. */
  private setLong(row: number, value: number): void {
    const upper = Math.floor(value / HALF_RANGE);
    this.ints[2 * row] = value - upper * HALF_RANGE;
    this.ints[2 * row + 1] = upper;
  }

  private copy(vector: Vector, from: Uint8Array, byteCount: number): void {
    this.duckdb.bindings.copy_data_to_vector(vector, 0, from.buffer as ArrayBuffer, from.byteOffset, byteCount);
  }
}

/** Undefined when there are too many different words. */
function dictionaryOf({ cells, from, count }: Slice): Dictionary | undefined {
  const places = new Uint8Array(count);
  const known = new Map<string, number>();
  let last: Cell = null;
  let place = 0;
  for (let row = 0; row < count; row += 1) {
    const cell = cells[from + row] ?? null;
    if (cell === null) continue;
    if (cell !== last) {
      const word = storable(String(cell));
      place = known.get(word) ?? known.size;
      if (place === known.size) known.set(word, place);
      if (known.size > MAX_WORDS) return undefined;
      last = cell;
    }
    places[row] = place;
  }
  // A dictionary has at least one word, also for a column of nulls.
  const words = known.size === 0 ? [""] : [...known.keys()];
  return { words, places };
}
