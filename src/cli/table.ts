import { stripVTControlCharacters } from "node:util";
import { paint, plain } from "./style.ts";
import type { Style } from "./style.ts";

export interface Column {
  header: string;
  /** Numbers stand to the right. Default left. */
  align?: "right";
}

/** Rows under their headers, aligned, two spaces apart, without lines; the last column is cut to `width` where one is given. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  look: { style: Style; width?: number | undefined },
): string[] {
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.header), ...rows.map((row) => displayWidth(row[index] ?? ""))),
  );
  const line = (cells: readonly string[]): string => {
    const padded = columns.map((column, index) => pad(cells[index] ?? "", widths[index] ?? 0, column.align));
    return fit(padded.join("  ").trimEnd(), look);
  };
  const header = line(columns.map((column) => column.header));
  return [paint(look.style, "dim", header), ...rows.map(line)];
}

function pad(text: string, width: number, align: Column["align"]): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "right" ? space + text : text + space;
}

/** Cuts a line that a terminal would wrap. Colours end with the cut. */
export function fit(line: string, { style, width }: { style: Style; width?: number | undefined }): string {
  if (width === undefined || displayWidth(line) <= width) return line;
  const ellipsis = plain(style, "…");
  return truncate(stripVTControlCharacters(line), width - ellipsis.length) + ellipsis;
}

function truncate(text: string, width: number): string {
  let used = 0;
  let kept = "";
  for (const character of text) {
    used += characterWidth(character);
    if (used > width) break;
    kept += character;
  }
  return kept;
}

/** Columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += characterWidth(character);
  return width;
}

const wide =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;

function characterWidth(character: string): number {
  if (/\p{Mn}/u.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}
