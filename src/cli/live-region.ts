import { fit } from "./table.ts";
import type { Output, Style } from "./style.ts";

/** More lines than this never change under the reader's eyes. */
export const MAX_LIVE_LINES = 12;
const FALLBACK_COLUMNS = 80;

/** The last lines of a terminal, drawn again and again; what is logged scrolls above them. */
export class LiveRegion {
  private readonly output: Output;
  private readonly style: Style;
  private drawn = 0;
  private lines: readonly string[] = [];

  constructor(output: Output, style: Style) {
    this.output = output;
    this.style = style;
  }

  /** Replaces the region. Lines that would wrap are cut: the terminal could not take them back. */
  draw(lines: readonly string[]): void {
    this.lines = lines.slice(0, MAX_LIVE_LINES);
    this.output.write(this.erasure() + this.text());
  }

  log(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.output.write(`${this.erasure()}${lines.join("\n")}\n${this.text()}`);
  }

  /** Takes the region away. */
  clear(): void {
    this.lines = [];
    this.output.write(this.erasure());
    this.drawn = 0;
  }

  private erasure(): string {
    return this.drawn === 0 ? "" : `\u001B[${this.drawn}A\r\u001B[J`;
  }

  private text(): string {
    this.drawn = this.lines.length;
    // A terminal that does not tell its width says 0.
    const width = (this.output.columns || FALLBACK_COLUMNS) - 1;
    return this.lines.map((line) => `${fit(line, { style: this.style, width })}\n`).join("");
  }
}
