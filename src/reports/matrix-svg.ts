import { cellStates } from "./cell-state.ts";
import { escaped, page, stateColours } from "./markup.ts";
import { rowName } from "./matrix-cell.ts";
import type { MatrixCell } from "./matrix-cell.ts";
import type { MatrixDocument } from "./matrix-document.ts";
import { latencyLine, stateText } from "./matrix-text.ts";

const FONT_PX = 13;
/** A little more than fonts of one width need. */
const CHARACTER_PX = 8;
const PADDING_PX = 12;
const HEADER_PX = 32;
const ROW_PX = 46;

/**
 * The table as a picture that needs nothing else: a page on GitHub shows it as an image, which loads no fonts and runs nothing. It follows
 * the reader's colour scheme; programs that do not know of schemes draw the light one.
 */
export function matrixSvg({ rows, backends, cells }: MatrixDocument): string[] {
  const columns = ["model", ...backends].map((name, index) => {
    const there = cells.filter(({ backend }) => backend === backends[index - 1]).flatMap(cellLines);
    return { name, width: widthOf([name, ...(index === 0 ? rows : there)]) };
  });
  const lefts = columns.map((_, index) => columns.slice(0, index).reduce((sum, { width }) => sum + width, 0));
  const width = columns.reduce((sum, column) => sum + column.width, 0);
  const height = HEADER_PX + rows.length * ROW_PX;
  const at = (column: number, y: number): string => `x="${(lefts[column] ?? 0) + PADDING_PX}" y="${y}"`;
  const header = columns.map(({ name }, column) => `<text class="head" ${at(column, 21)}>${escaped(name)}</text>`);
  const lines = rows.flatMap((name, row) => {
    const top = HEADER_PX + row * ROW_PX;
    const there = cells.slice(row * backends.length, (row + 1) * backends.length);
    return [
      `<path class="line" d="M0 ${top}H${width}"/>`,
      `<text class="head" ${at(0, top + 20)}>${escaped(name)}</text>`,
      ...there.map((cell, column) => cellSvg(cell, (y) => at(column + 1, top + y))),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Compatibility matrix" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<style>${style}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    ...header,
    ...lines,
    "</svg>",
  ];
}

function cellSvg(cell: MatrixCell, at: (y: number) => string): string {
  const reason = cell.reason === null ? "" : `: ${cell.reason}`;
  const title = `${rowName(cell)} on ${cell.backend}: ${cellStates[cell.state].word}${reason}`;
  const [state = "", ...figures] = cellLines(cell).map(escaped);
  const texts = [
    `<text class="${cellStates[cell.state].colour}" ${at(20)}>${state}</text>`,
    ...figures.map((figure) => `<text class="dim" ${at(37)}>${figure}</text>`),
  ];
  return `<g><title>${escaped(title)}</title>${texts.join("")}</g>`;
}

function cellLines(cell: MatrixCell): string[] {
  return [stateText(cell.state), ...latencyLine(cell)];
}

function widthOf(texts: readonly string[]): number {
  return 2 * PADDING_PX + CHARACTER_PX * Math.max(...texts.map((text) => [...text].length));
}

const rules = (place: 0 | 1): string =>
  [
    `text{fill:${page.text[place]}} .ground{fill:${page.ground[place]}} .line{stroke:${page.line[place]}}`,
    ...Object.entries(stateColours).map(([name, colours]) => `.${name}{fill:${colours[place]}}`),
  ].join(" ");

const style =
  `text{font:${FONT_PX}px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace} .head{font-weight:600} ` +
  `${rules(0)} @media (prefers-color-scheme:dark){${rules(1)}}`;
