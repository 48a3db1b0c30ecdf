import type { z } from "zod";

/** What a schema would make of a value, found in a cheaper way; undefined when only the schema can tell. */
export type Shortcut = (value: unknown) => unknown;

interface Field {
  schema: z.ZodType;
  shortcut: Shortcut | undefined;
  required: boolean;
}

/**
 * Makes of a value what a strict object schema makes of it. The fields, what may be absent and the defaults come from the
 * schema; fields without a shortcut, or with values that it does not know, are left to their own schemas. So it is faster than
 * the schema and never takes what that refuses. Defaults are shared by all values made, and so frozen.
 */
export class ObjectCheck<Schema extends z.ZodObject> {
  private readonly fields = new Map<string, Field>();
  private readonly required: number;
  /** All defaults, and the required fields to be filled in: values made from it have one shape. */
  private readonly template: Record<string, unknown> = {};

  constructor(schema: Schema, shortcuts: { readonly [Name in keyof z.input<Schema>]?: Shortcut }) {
    let required = 0;
    for (const [name, field] of Object.entries(schema.shape as Record<string, z.ZodType>)) {
      const absent = field.safeParse(undefined);
      if (!absent.success) required += 1;
      if (!absent.success || absent.data !== undefined) this.template[name] = deepFreeze(absent.data);
      const given = (shortcuts as Record<string, Shortcut | undefined>)[name];
      const shortcut = given ?? (isEmpty(absent.data) ? emptyAs(absent.data) : undefined);
      this.fields.set(name, { schema: field, shortcut, required: !absent.success });
    }
    this.required = required;
  }

  /** Undefined for what the schema refuses, and for a few things that it does not. */
  readonly check = (value: unknown): z.output<Schema> | undefined => {
    if (typeof value !== "object" || value === null) return undefined;
    const made = { ...this.template };
    let missing = this.required;
    for (const name in value) {
      const field = this.fields.get(name);
      if (field === undefined) return undefined;
      const given = (value as Record<string, unknown>)[name];
      if (given === undefined) return undefined;
      made[name] = field.shortcut?.(given) ?? bySchema(field.schema, given);
      if (made[name] === undefined) return undefined;
      if (field.required) missing -= 1;
    }
    return missing === 0 ? (made as z.output<Schema>) : undefined;
  };
}

/** The same for a list of at least one and at most `max` items. */
export function listCheck(item: Shortcut, max: number): Shortcut {
  return (value) => {
    if (!Array.isArray(value) || value.length === 0 || value.length > max) return undefined;
    const made: unknown[] = [];
    for (const one of value) {
      const checked = item(one);
      if (checked === undefined) return undefined;
      made.push(checked);
    }
    return made;
  };
}

function bySchema(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

function isEmpty(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  for (const _ in value) return false;
  return true;
}

/** An empty object or list becomes the shared default, which is empty too. */
function emptyAs(common: object): Shortcut {
  return (value) => (isEmpty(value) && Array.isArray(value) === Array.isArray(common) ? common : undefined);
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
