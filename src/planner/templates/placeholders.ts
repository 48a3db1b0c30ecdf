import { assayError } from "../../contracts/index.ts";
import type { ParameterValue } from "../../contracts/index.ts";
import type { ParameterValues } from "./parameters.ts";

const PLACEHOLDER = /\$\{\{\s*([^}]*?)\s*\}\}/g;
const WHOLE = /^\$\{\{\s*([^}]*?)\s*\}\}$/;

/**
 * A value with every `${{ name }}` in its texts replaced. A text that is one placeholder becomes the value itself, with its type;
 * a field whose value is nothing (null) is left out. Error: bad_parameter for a name that is none.
 */
export function filled(value: unknown, values: ParameterValues): unknown {
  if (typeof value === "string") return filledText(value, values);
  if (Array.isArray(value)) return value.map((item) => filled(item, values));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).flatMap(([key, inner]) => {
    const made = filled(inner, values);
    return made === null && inner !== null ? [] : [[key, made] as const];
  });
  return Object.fromEntries(fields);
}

function filledText(text: string, values: ParameterValues): unknown {
  const whole = WHOLE.exec(text)?.[1];
  if (whole !== undefined) return valueOf(whole, values);
  return text.replaceAll(PLACEHOLDER, (_, name: string) => valueText(valueOf(name, values)));
}

function valueOf(name: string, values: ParameterValues): ParameterValue {
  const value = values[name];
  if (Object.hasOwn(values, name) && value !== undefined) return value;
  const known = Object.keys(values).join(", ");
  throw assayError("bad_parameter", `\${{ ${name} }} names no parameter; there are ${known}`, { path: name });
}

/** As a command line would give it. */
export function valueText(value: ParameterValue): string {
  return Array.isArray(value) ? value.join(",") : String(value ?? "");
}
