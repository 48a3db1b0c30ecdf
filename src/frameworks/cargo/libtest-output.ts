export type LibtestVerdict = "ok" | "FAILED" | "ignored" | "unclear";

export interface LibtestEnd {
  name: string;
  verdict: LibtestVerdict;
  seconds: number;
  /** What it printed; of a test that was ignored, why. */
  text: string;
}

interface Open {
  name: string;
  mustPanic: boolean;
  sinceMs: number;
}

/** Of what one test prints, so much is kept: the end has the verdict. */
const MAX_TEXT = 256 * 1024;
const MODES = ["", " - should panic", " - compile fail", " - compile"];
/** How a list of results ends. */
const SUMMARY = /^test result: /m;
const AT_END = /(ok|FAILED|ignored(?:, [^\n]*)?)\n\n(?=failures:\n|test result: |successes:\n)/;
const VERDICT = /(ok|FAILED|ignored(?:, ([^\n]*))?)\n$/;

/**
 * Reads what Rust's test programs print with `--nocapture --test-threads=1`: `test NAME ... `, all that the test prints, and its verdict.
 * The names are known, so what looks like another's is what a test printed.
 */
export class LibtestOutput {
  private readonly waiting: Set<string>;
  private readonly onStart: (name: string) => void;
  private readonly onEnd: (end: LibtestEnd) => void;
  private readonly nowMs: () => number;
  /** What came after the start of the test that runs. */
  private text = "";
  /** Up to here it holds no start of another. */
  private searched = 0;
  private open: Open | undefined;
  /** Those that did not panic as they must: why stands at the end. */
  private readonly held: LibtestEnd[] = [];

  constructor(
    names: readonly string[],
    on: { start: (name: string) => void; end: (end: LibtestEnd) => void; nowMs: () => number },
  ) {
    this.waiting = new Set(names);
    this.onStart = on.start;
    this.onEnd = on.end;
    this.nowMs = on.nowMs;
  }

  add(text: string): void {
    this.text += text;
    for (let next = this.nextStart(); next !== undefined; next = this.nextStart()) {
      this.endOpen(this.text.slice(0, next.at));
      this.text = this.text.slice(next.end);
      this.searched = 0;
      this.waiting.delete(next.name);
      this.open = { name: next.name, mustPanic: next.mode === " - should panic", sinceMs: this.nowMs() };
      this.onStart(next.name);
    }
    if (this.text.length > MAX_TEXT * 2) {
      this.searched = Math.max(0, this.searched - (this.text.length - MAX_TEXT));
      this.text = this.text.slice(-MAX_TEXT);
    }
  }

  /** After the end of the process. Returns the test during which it ended, and those that never started. */
  close(): { during: string | undefined; text: string; left: string[] } {
    const end = AT_END.exec(this.text);
    const isComplete = SUMMARY.test(this.text);
    const open = this.open;
    if (isComplete && end !== null) this.endOpen(this.text.slice(0, end.index + (end[1] ?? "").length + 1));
    else if (isComplete) this.endOpen(this.text);
    for (const one of this.held) this.onEnd({ ...one, text: noteOf(one.name, this.text) || one.text });
    return { during: isComplete ? undefined : open?.name, text: this.text, left: [...this.waiting] };
  }

  private endOpen(text: string): void {
    if (this.open === undefined) return;
    const { name, mustPanic, sinceMs } = this.open;
    this.open = undefined;
    const between = AT_END.exec(text);
    const own = between === null ? text : text.slice(0, between.index + (between[1] ?? "").length + 1);
    const [line, word = "", why] = VERDICT.exec(own) ?? [];
    const verdict: LibtestVerdict =
      line === undefined ? "unclear" : word.startsWith("ignored") ? "ignored" : (word as "ok" | "FAILED");
    const printed = line === undefined ? own : own.slice(0, -line.length);
    const seconds = (this.nowMs() - sinceMs) / 1000;
    const end: LibtestEnd = { name, verdict, seconds, text: verdict === "ignored" ? (why ?? "") : printed };
    if (mustPanic && verdict === "FAILED") this.held.push(end);
    else this.onEnd(end);
  }

  /** The next line `test NAME ... `, of which the end need not have come yet. */
  private nextStart(): { name: string; mode: string; at: number; end: number } | undefined {
    const starts = /^test /gm;
    starts.lastIndex = this.searched;
    for (let found = starts.exec(this.text); found !== null; found = starts.exec(this.text)) {
      const from = found.index + found[0].length;
      const lineEnd = this.text.indexOf("\n", from);
      const line = this.text.slice(from, lineEnd < 0 ? undefined : lineEnd);
      for (let dots = line.indexOf(" ... "); dots >= 0; dots = line.indexOf(" ... ", dots + 1)) {
        const mode = MODES.find(
          (one) => line.slice(0, dots).endsWith(one) && this.waiting.has(line.slice(0, dots - one.length)),
        );
        if (mode !== undefined)
          return { name: line.slice(0, dots - mode.length), mode, at: found.index, end: from + dots + " ... ".length };
      }
    }
    // The last line may go on.
    this.searched = Math.max(this.searched, this.text.lastIndexOf("\n") + 1);
    return undefined;
  }
}

/** What stands of a test between `---- NAME stdout ----` and the next such line or the list of names. */
function noteOf(name: string, text: string): string {
  const start = text.lastIndexOf(`---- ${name} stdout ----\n`);
  if (start < 0) return "";
  const body = text.slice(text.indexOf("\n", start) + 1);
  const end = /^---- .* stdout ----$|\n\nfailures:$/m.exec(body);
  return body.slice(0, end?.index).trim();
}

/** Why a test failed: its panic without the stack, or all that it printed. */
export function panicIn(text: string): string {
  const start = /^(thread '.*panicked at|Error: )/m.exec(text);
  if (start === null) return text.trim();
  const rest = text.slice(start.index);
  const end = /^(stack backtrace:|note: run with `RUST_BACKTRACE|note: Some details are omitted)/m.exec(rest);
  return rest.slice(0, end?.index).trim();
}
