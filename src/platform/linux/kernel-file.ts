import { readdirSync, readFileSync } from "node:fs";

/** The text of a file under /proc or /sys, `undefined` when it is absent, gone by now, or not for us to read. */
export function readKernelFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The names in a folder under /proc or /sys, in order; none when it is absent. */
export function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}

/** The number that stands after `key` in a file of `key value` lines. */
export function numberAfter(text: string | undefined, key: string): number | undefined {
  for (const line of text?.split("\n") ?? []) {
    const [name, value] = line.split(/[\s:]+/, 2);
    if (name === key && value !== undefined && /^\d+$/.test(value)) return Number(value);
  }
  return undefined;
}
