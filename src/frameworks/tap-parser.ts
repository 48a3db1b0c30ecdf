/** One line `ok` or `not ok`, with what belongs to it. */
export interface TapResult {
  /** Of the tests around it, and its own at the end. */
  names: string[];
  ok: boolean;
  directive?: { kind: "skip" | "todo"; reason: string };
  /** What explains it: its block of YAML as it stands, and the comments behind it. */
  explanation: string;
  /** What was printed before it that is no TAP. */
  output: string;
}

export interface TapEnd {
  /** Null where there was no plan. */
  planned: number | null;
  /** Lines `ok` and `not ok` that are in no other's. */
  told: number;
  /** Why the program gave up. */
  bailedOut: string | null;
  /** Why the plan is to run nothing. */
  skippedAll: string | null;
}

const MAX_TEXT = 64 * 1024;
const POINT = /^(not )?ok\b(?:\s+(\d+))?(?:\s+-(?=\s|$))?\s*(.*)$/;
const DIRECTIVE = /^((?:[^\\#]|\\.)*?)\s*#\s*(skip|todo)\w*:?\s*(.*)$/i;
const PLAN = /^1\.\.(\d+)\s*(?:#\s*(?:skip\w*:?\s*)?(.*))?$/i;

/**
 * Reads the Test Anything Protocol, 12 to 14, line by line: with plans, directives, blocks of YAML, tests in tests and giving up. What is
 * no TAP is output of the test that ends next, as the protocol says.
 */
export class TapParser {
  private readonly onResult: (result: TapResult) => void;
  /** Results in a test that has not ended, by how deep they are; they have to wait for its name. */
  private readonly inner: TapResult[][] = [];
  /** A failure, of which more may come. */
  private open: { level: number; result: TapResult } | undefined;
  /** The indent of the block of YAML that is being read. */
  private block: number | undefined;
  private output = "";
  private end_: TapEnd = { planned: null, told: 0, bailedOut: null, skippedAll: null };

  constructor(onResult: (result: TapResult) => void) {
    this.onResult = onResult;
  }

  /** A line without its end. */
  add(line: string): void {
    const text = line.trimStart();
    const indent = line.length - text.length;
    if (this.block !== undefined) return this.readBlock(line, text);
    const level = Math.floor(indent / 4);
    if (this.open !== undefined && text.startsWith("---") && indent === this.open.level * 4 + 2) {
      this.block = indent;
    } else if (POINT.test(text) && indent % 4 === 0) {
      this.point(text, level);
    } else if (text.startsWith("Bail out!")) {
      this.end_.bailedOut = text.slice("Bail out!".length).trim();
    } else if (PLAN.test(text) && indent % 4 === 0) {
      this.plan(text, level);
    } else if (text.startsWith("#")) {
      this.comment(text);
    } else if (!/^(TAP version \d+|pragma [+-].*)$/.test(text)) {
      this.output = `${this.output}${line}\n`.slice(-MAX_TEXT);
    }
  }

  end(): TapEnd {
    this.closeOpen();
    // Tests in one that never ended are told by themselves.
    for (const results of this.inner.splice(0)) for (const result of results) this.onResult(result);
    return this.end_;
  }

  private readBlock(line: string, text: string): void {
    if (text.startsWith("...")) this.block = undefined;
    else this.explain(line.slice(this.block));
  }

  private point(text: string, level: number): void {
    this.closeOpen();
    const [, not, , rest = ""] = POINT.exec(text) ?? [];
    const [, before, kind, reason = ""] = DIRECTIVE.exec(rest) ?? [];
    const result: TapResult = {
      names: [plain(before ?? rest)],
      ok: not === undefined,
      ...(kind === undefined
        ? {}
        : { directive: { kind: kind.toLowerCase() as "skip" | "todo", reason: reason.trim() } }),
      explanation: "",
      output: this.output,
    };
    this.output = "";
    if (level === 0) this.end_.told += 1;
    for (const inside of this.inner.splice(level + 1).flat()) {
      this.keep({ ...inside, names: [...result.names, ...inside.names] }, level);
    }
    if (result.ok) this.keep(result, level);
    else this.open = { level, result };
  }

  private plan(text: string, level: number): void {
    if (level > 0) return;
    const [, count, reason] = PLAN.exec(text) ?? [];
    this.end_.planned = Number(count);
    if (count === "0") this.end_.skippedAll = reason ?? "";
  }

  private comment(text: string): void {
    if (/^# Subtest(:|$)/.test(text)) return;
    if (this.open === undefined) this.output = `${this.output}${text}\n`.slice(-MAX_TEXT);
    else this.explain(text.replace(/^#\s?/, ""));
  }

  private explain(line: string): void {
    if (this.open === undefined) return;
    const { result } = this.open;
    result.explanation = `${result.explanation}${line}\n`.slice(0, MAX_TEXT);
  }

  private closeOpen(): void {
    this.block = undefined;
    const open = this.open;
    this.open = undefined;
    if (open !== undefined) this.keep(open.result, open.level);
  }

  private keep(result: TapResult, level: number): void {
    if (level === 0) return this.onResult(result);
    while (this.inner.length <= level) this.inner.push([]);
    this.inner[level]?.push(result);
  }
}

function plain(description: string): string {
  return description.trim().replaceAll(/\\([#\\])/g, "$1");
}
