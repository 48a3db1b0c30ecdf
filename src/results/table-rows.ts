import { storable } from "./json-text.ts";

/** A column as DuckDB stores it: text, whole numbers, numbers, truth values, and times in milliseconds since 1970 UTC. */
export type ColumnKind = "text" | "int" | "bigint" | "double" | "boolean" | "time";
export type Cell = string | number | boolean | null;

/** What DuckDB takes at once. */
export const CHUNK_ROWS = 2_048;
/** An index into a dictionary of so many words takes one byte. */
const MAX_WORDS = 255;

/** Which rows of a chunk's column have a value, one bit each; undefined while all have one. */
class Validity {
  bits: Uint8Array | undefined;

  setNull(row: number): void {
    this.bits ??= new Uint8Array(CHUNK_ROWS / 8).fill(0xff);
    this.bits[row >> 3] = (this.bits[row >> 3] ?? 0) & ~(1 << (row & 7));
  }

  isNull(row: number): boolean {
    return this.bits !== undefined && ((this.bits[row >> 3] ?? 0) & (1 << (row & 7))) === 0;
  }
}

export class NumberColumn {
  readonly kind: Exclude<ColumnKind, "text">;
  readonly values = new Float64Array(CHUNK_ROWS);
  readonly validity = new Validity();

  constructor(kind: Exclude<ColumnKind, "text">) {
    this.kind = kind;
  }

  set(row: number, cell: Cell): void {
    if (cell === null) this.validity.setNull(row);
    else this.values[row] = Number(cell);
  }
}

/** Text; as long as there are few different words, as a dictionary of them. */
export class TextColumn {
  readonly kind = "text";
  readonly validity = new Validity();
  readonly words: string[] = [];
  readonly places = new Uint8Array(CHUNK_ROWS);
  /** The rows themselves, once there are too many different words. */
  texts: (string | null)[] | undefined;
  private readonly known = new Map<string, number>();
  private last: Cell = null;
  private lastPlace = 0;

  set(row: number, cell: Cell): void {
    if (cell === null) this.validity.setNull(row);
    if (this.texts) this.texts[row] = cell === null ? null : String(cell);
    else if (cell !== null) this.setWord(row, cell);
  }

  private setWord(row: number, cell: Cell): void {
    if (cell !== this.last) {
      const text = String(cell);
      const place = this.known.get(text) ?? this.addWord(text);
      if (place === undefined) {
        this.texts = Array.from({ length: row }, (_, before) =>
          this.validity.isNull(before) ? null : (this.words[this.places[before] ?? 0] ?? null),
        );
        this.texts[row] = text;
        return;
      }
      this.last = cell;
      this.lastPlace = place;
    }
    this.places[row] = this.lastPlace;
  }

  /** Two words may be one once they can be stored. */
  private addWord(text: string): number | undefined {
    const word = storable(text);
    const place = this.known.get(word) ?? this.words.length;
    if (place === MAX_WORDS) return undefined;
    if (place === this.words.length) this.words.push(word);
    this.known.set(text, place).set(word, place);
    return place;
  }
}

/** Rows that are written at once. */
export interface RowChunk {
  readonly columns: readonly (NumberColumn | TextColumn)[];
  count: number;
}

/** Rows on their way into one table, kept as they are written: by column, in chunks, numbers outside of the heap. */
export class TableRows {
  readonly kinds: readonly ColumnKind[];
  readonly chunks: RowChunk[] = [];

  constructor(kinds: readonly ColumnKind[]) {
    this.kinds = kinds;
  }

  add(row: readonly Cell[]): void {
    let chunk = this.chunks.at(-1);
    if (!chunk || chunk.count === CHUNK_ROWS) {
      chunk = {
        columns: this.kinds.map((kind) => (kind === "text" ? new TextColumn() : new NumberColumn(kind))),
        count: 0,
      };
      this.chunks.push(chunk);
    }
    const { columns, count } = chunk;
    for (let index = 0; index < row.length; index += 1) columns[index]?.set(count, row[index] ?? null);
    chunk.count += 1;
  }
}
