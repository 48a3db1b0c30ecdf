import { taskSpec } from "../contracts/index.ts";
import type { TaskSpec, TaskSpecInput } from "../contracts/index.ts";

/** Says of a field's value whether its schema would fill it in again. */
type IsDefault = (value: unknown) => boolean;

const [commandKind] = taskSpec.options;
const fieldDefaults = defaultsOf(commandKind.shape);
const commandDefaults = defaultsOf(commandKind.shape.config.shape);

/** The same task as short as it can be written: without what the schema fills in again. For the wire. */
export function shortTask(spec: TaskSpec): TaskSpecInput {
  const short = without(fieldDefaults, spec);
  short["config"] = spec.type === "command" ? without(commandDefaults, spec.config) : spec.config;
  return short as TaskSpecInput;
}

function without(defaults: ReadonlyMap<string, IsDefault>, fields: object): Record<string, unknown> {
  const short: Record<string, unknown> = {};
  for (const name in fields) {
    const value = (fields as Record<string, unknown>)[name];
    if (defaults.get(name)?.(value) !== true) short[name] = value;
  }
  return short;
}

interface FieldSchema {
  safeParse(value: undefined): { success: boolean; data?: unknown };
}

function defaultsOf(shape: object): Map<string, IsDefault> {
  const defaults = new Map<string, IsDefault>();
  for (const [name, schema] of Object.entries(shape) as [string, FieldSchema][]) {
    const { data } = schema.safeParse(undefined);
    if (data !== undefined) defaults.set(name, isLike(data));
  }
  return defaults;
}

/** Whether a value is the given one, which is flat. */
function isLike(one: unknown): IsDefault {
  if (typeof one !== "object" || one === null) return (value) => value === one;
  const fields = Object.entries(one);
  return (value) => {
    if (typeof value !== "object" || value === null) return false;
    let count = 0;
    for (const _ in value) count += 1;
    return (
      count === fields.length && fields.every(([name, inner]) => (value as Record<string, unknown>)[name] === inner)
    );
  };
}
