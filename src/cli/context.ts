import type { Clock } from "../base/index.ts";
import type { Interrupts } from "./interrupts.ts";
import { paint, plain, styleOf } from "./style.ts";
import type { Output, Style } from "./style.ts";

/** What a command may use of the process that it runs in. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly platform: string;
  /** Results only. */
  readonly stdout: Output;
  /** Progress, warnings, links. */
  readonly stderr: Output;
  readonly clock: Clock;
  readonly interrupts: Interrupts;
}

/** Where a command writes, in the style of each stream. */
export class Screen {
  readonly json: boolean;
  readonly outStyle: Style;
  readonly errStyle: Style;
  private readonly context: CliContext;

  constructor(context: CliContext, json: boolean) {
    this.context = context;
    this.json = json;
    this.outStyle = styleOf(context.stdout, context);
    this.errStyle = styleOf(context.stderr, context);
  }

  /** The result: lines for people, or with `--json` one object. */
  result(lines: () => readonly string[], document: unknown): void {
    if (this.json) this.context.stdout.write(`${JSON.stringify(document)}\n`);
    else this.lines(lines());
  }

  /** Lines of the result; not for `--json`. */
  lines(lines: readonly string[]): void {
    if (lines.length > 0) this.context.stdout.write(`${lines.join("\n")}\n`);
  }

  /** Progress and links. */
  info(text: string): void {
    this.context.stderr.write(`${plain(this.errStyle, text)}\n`);
  }

  warn(text: string): void {
    this.context.stderr.write(`${paint(this.errStyle, "yellow", plain(this.errStyle, `! ${text}`))}\n`);
  }

  /** Columns of standard output; undefined where nothing wraps. */
  get width(): number | undefined {
    const { isTTY, columns } = this.context.stdout;
    // A terminal that does not tell its width says 0.
    return isTTY === true && columns !== 0 ? columns : undefined;
  }
}
