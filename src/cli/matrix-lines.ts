import { CELL_LEGEND, cellStates, figureLines, matrixSections } from "../reports/index.ts";
import type { MatrixCell, MatrixReport } from "../reports/index.ts";
import { painted } from "./state-words.ts";
import { harmless, paint, plain } from "./style.ts";
import type { Style } from "./style.ts";
import { displayWidth, fit, renderTable } from "./table.ts";

interface Look {
  style: Style;
  width?: number | undefined;
}

/** The matrix for a terminal: a cell is a few lines high, and backends that do not fit beside each other stand below. */
export function matrixLines(report: MatrixReport, look: Look): string[] {
  const { style } = look;
  const { rows, backends, cells } = report;
  const byBackend = backends.map((backend, place) => ({
    header: backend,
    cells: rows
      .map((_, row) => cells[row * backends.length + place])
      .map((cell) => (cell ? cellLines(cell, style) : [])),
  }));
  const tables = blocks(rows, byBackend, look.width).map((block) => blockLines(rows, block, look));
  const sections = matrixSections(report).flatMap(({ title, lines }) => [
    "",
    paint(style, "bold", title),
    ...lines.map(({ state, text }) => {
      const line = fit(plain(style, harmless(text)), look);
      return state === null ? line : paint(style, cellStates[state].colour, line);
    }),
  ]);
  const legend = paint(style, "dim", fit(CELL_LEGEND, look));
  return [...tables.flatMap((table) => [...table, ""]), legend, ...sections];
}

interface BackendColumn {
  header: string;
  /** The lines of each row's cell. */
  cells: string[][];
}

function cellLines(cell: MatrixCell, style: Style): string[] {
  return [painted(style, cellStates[cell.state]), ...figureLines(cell)];
}

const GAP = 2;

/** As many columns beside each other as the screen has room for. */
function blocks(rows: readonly string[], columns: readonly BackendColumn[], width = Infinity): BackendColumn[][] {
  const widest = (texts: readonly string[]): number => Math.max(...texts.map(displayWidth));
  const first = widest(["MODEL", ...rows]);
  const made: BackendColumn[][] = [];
  let used = 0;
  for (const column of columns) {
    const needed = GAP + widest([column.header, ...column.cells.flat()]);
    if (made.length === 0 || used + needed > width) {
      made.push([]);
      used = first;
    }
    made.at(-1)?.push(column);
    used += needed;
  }
  return made;
}

function blockLines(rows: readonly string[], columns: readonly BackendColumn[], look: Look): string[] {
  const lines = rows.flatMap((name, row) => {
    const height = Math.max(...columns.map(({ cells }) => cells[row]?.length ?? 0));
    return Array.from({ length: height }, (_, line) => [
      line === 0 ? harmless(name) : "",
      ...columns.map(({ cells }) => cells[row]?.[line] ?? ""),
    ]);
  });
  return renderTable(
    [{ header: "MODEL" }, ...columns.map(({ header }) => ({ header: harmless(header) }))],
    lines,
    look,
  );
}
