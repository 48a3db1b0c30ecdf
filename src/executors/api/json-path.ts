import type { JsonValue } from "../../base/index.ts";

/** What lies at a dotted path of names and list indexes, e.g. `choices.0.message.role`; undefined when nothing does. */
export function valueAt(document: JsonValue, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = document;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, JsonValue>)[name];
  }
  return value;
}
