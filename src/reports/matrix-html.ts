import { cellStates } from "./cell-state.ts";
import { CELL_LEGEND, figureLines, stateText } from "./matrix-text.ts";
import type { MatrixCell } from "./matrix-cell.ts";
import type { MatrixReport } from "./matrix-report.ts";
import { matrixSections } from "./matrix-sections.ts";

const style = `
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif }
body { margin: 2rem; color: light-dark(#1b1f24, #e6e8eb); background: light-dark(#fff, #14171a) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .4rem .8rem; text-align: left; vertical-align: top; border-bottom: 1px solid light-dark(#d8dce1, #343a40) }
td small { display: block; color: light-dark(#59636e, #9aa4af) }
.green { color: light-dark(#126b2f, #5fd38d) } .red { color: light-dark(#b3261e, #ff8a80) }
.yellow { color: light-dark(#7a5200, #f2c14e) } .dim { color: light-dark(#59636e, #9aa4af) }
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

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (sign) => entities[sign] ?? sign);
}
