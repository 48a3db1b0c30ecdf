import type { TaskSpec } from "../contracts/index.ts";

/** Tasks of a run are alike: whatever of a spec equals the one before it is kept once. A million tasks fit into memory so. */
export function compactSpec(spec: TaskSpec, before: TaskSpec | undefined): TaskSpec {
  if (before === undefined) return spec;
  const made: Record<string, unknown> = {};
  for (const key of Object.keys(spec)) {
    const value: unknown = Reflect.get(spec, key);
    const other: unknown = Reflect.get(before, key);
    made[key] = typeof value === "object" && isEqual(value, other) ? other : value;
  }
  // Field by field the same values under the same names.
  return made as TaskSpec;
}

/** Equality of JSON values. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isEqual(Reflect.get(a, key), Reflect.get(b, key)));
}
