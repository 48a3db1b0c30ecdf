import { CELL_LEGEND, figureLines, stateText } from "./matrix-text.ts";
import type { MatrixReport } from "./matrix-report.ts";
import { matrixSections } from "./matrix-sections.ts";

/** The matrix as GitHub-flavoured Markdown. */
export function matrixMarkdown(report: MatrixReport): string[] {
  const { rows, backends, cells } = report;
  const row = (parts: readonly string[]): string => `| ${parts.join(" | ")} |`;
  return [
    row(["model", ...backends].map(escaped)),
    row(["---", ...backends.map(() => "---")]),
    ...rows.map((name, index) => {
      const there = cells.slice(index * backends.length, (index + 1) * backends.length);
      const texts = there.map((cell) => [stateText(cell.state), ...figureLines(cell)].map(escaped).join("<br>"));
      return row([escaped(name), ...texts]);
    }),
    "",
    `_${CELL_LEGEND}_`,
    ...matrixSections(report).flatMap(({ title, lines }) => [
      "",
      `**${title}**`,
      "",
      ...lines.map(({ text }) => `- ${escaped(text)}`),
    ]),
  ];
}

/** Text from elsewhere may not become markup. */
function escaped(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]<>|#!]/g, (sign) => `\\${sign}`);
}
