import type { Shortcut } from "./object-check.ts";

/** Identifiers, as their schema has them. */
const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9._:/@+\-[\]=,]{0,199}$/;

export const identifierText: Shortcut = (value) =>
  typeof value === "string" && IDENTIFIER.test(value) ? value : undefined;

/** For an identifier that is often the same as the one before: a run's, a worker's. */
export function repeatedIdentifier(): Shortcut {
  let last: unknown;
  return (value) => {
    if (value === last) return value;
    const checked = identifierText(value);
    if (checked !== undefined) last = checked;
    return checked;
  };
}

export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): Shortcut {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max ? value : undefined;
}

export function numberBetween(min: number, max: number): Shortcut {
  return (value) => (typeof value === "number" && value >= min && value <= max ? value : undefined);
}

export function textUpTo(maxLength: number): Shortcut {
  return (value) => (typeof value === "string" && value.length <= maxLength ? value : undefined);
}

export function oneOf(values: readonly string[]): Shortcut {
  return (value) => (values.includes(value as string) ? value : undefined);
}
