import type { TaskSpec } from "../contracts/index.ts";

/** Text that DuckDB can store: without NUL and without halves of surrogate pairs. */
export function storable(text: string): string {
  const formed = text.isWellFormed() ? text : text.toWellFormed();
  return formed.includes("\0") ? formed.replaceAll("\0", "") : formed;
}

/** What only damaged text has in JSON: NUL, or half of a surrogate pair. A literal backslash before it is a false alarm that costs time only. */
const DAMAGED = /\\u(?:0000|d[89a-f])/;

/** JSON that DuckDB can store. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (!DAMAGED.test(text)) return text;
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "string" ? storable(inner) : inner));
}

/** The same, remembering the last one: many rows in a row hold one object. */
export class JsonMemo {
  private last: object | undefined;
  private text = "";

  of(value: object): string {
    if (value === this.last) return this.text;
    this.last = value;
    this.text = jsonText(value);
    return this.text;
  }
}

const ID_FIRST = '{"task_id":';

/** The same for tasks that differ in nothing but their id, as those of a run often do. */
export class TaskJsonMemo {
  private last: Record<string, unknown> = {};
  private keys: string[] = [];
  /** The last task's text after its id. */
  private tail = "";

  of(spec: TaskSpec): string {
    const fields: Record<string, unknown> = spec;
    if (this.isLike(fields)) return ID_FIRST + jsonText(spec.task_id) + this.tail;
    const text = jsonText(spec);
    const head = ID_FIRST + jsonText(spec.task_id);
    this.last = fields;
    this.keys = text.startsWith(head) ? Object.keys(fields) : [];
    this.tail = text.slice(head.length);
    return text;
  }

  /** The same keys in the same order, with the same objects as values. */
  private isLike(fields: Record<string, unknown>): boolean {
    let place = 0;
    for (const key in fields) {
      if (key !== this.keys[place] || (place > 0 && fields[key] !== this.last[key])) return false;
      place += 1;
    }
    return place === this.keys.length;
  }
}
