import { cellStates } from "./cell-state.ts";
import { escaped, page, stateColours } from "./markup.ts";
import { CELL_LEGEND, figureLines, stateText } from "./matrix-text.ts";
import type { MatrixCell } from "./matrix-cell.ts";
import type { MatrixReport } from "./matrix-report.ts";
import { matrixSections } from "./matrix-sections.ts";

const lightDark = ([light, dark]: readonly [string, string]): string => `light-dark(${light}, ${dark})`;
const style = `
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }
body { margin: 2rem; color: ${lightDark(page.text)}; background: ${lightDark(page.ground)} }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .4rem .8rem; text-align: left; vertical-align: top; border-bottom: 1px solid ${lightDark(page.line)} }
td small { display: block; color: ${lightDark(stateColours.dim)} }
${Object.entries(stateColours)
  .map(([name, colours]) => `.${name} { color: ${lightDark(colours)} }`)
  .join("\n")}
.scroll { overflow-x: auto }
`;

/** The matrix as one page that needs nothing else, for light and dark screens. */
export function matrixHtml(report: MatrixReport): string[] {
  const { rows, backends, cells } = report;
  const headers = ["model", ...backends].map((name) => `<th scope="col">${escaped(name)}</th>`);
  const body = rows.map((name, index) => {
    const there = cells.slice(index * backends.length, (index + 1) * backends.length);
    return `<tr><th scope="row">${escaped(name)}</th>${there.map(cellHtml).join("")}</tr>`;
  });
  const sections = matrixSections(report).map(({ title, lines }) => {
    const items = lines.map(({ state, text }) => {
      const colour = state === null ? "" : ` class="${cellStates[state].colour}"`;
      return `<li${colour}>${escaped(text)}</li>`;
    });
    return `<h2>${escaped(title)}</h2><ul>${items.join("")}</ul>`;
  });
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>Compatibility matrix</title><style>${style}</style></head><body><h1>Compatibility matrix</h1>`,
    `<div class="scroll"><table><thead><tr>${headers.join("")}</tr></thead><tbody>`,
    ...body,
    `</tbody></table></div><p class="dim">${escaped(CELL_LEGEND)}</p>`,
    ...sections,
    "</body></html>",
  ];
}

function cellHtml(cell: MatrixCell): string {
  const figures = figureLines(cell).map((line) => `<small>${escaped(line)}</small>`);
  const reason = cell.reason === null ? "" : ` title="${escaped(cell.reason)}"`;
  return `<td${reason}><span class="${cellStates[cell.state].colour}">${stateText(cell.state)}</span>${figures.join("")}</td>`;
}
