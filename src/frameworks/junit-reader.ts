import { createReadStream } from "node:fs";
import { SaxesParser } from "saxes";
import type { TestOutcome } from "../contracts/index.ts";

/** A `testcase` of a JUnit report. */
export interface JunitCase {
  /** The name of the `testsuite` that it is in, empty where that has none. */
  suite: string;
  className: string;
  name: string;
  file: string | undefined;
  line: number | undefined;
  outcome: TestOutcome;
  seconds: number;
  message: string | undefined;
  output: string;
  /** Failures before the last try, as Surefire and others write them. */
  retries: number;
}

export interface JunitReport {
  cases: JunitCase[];
  /** Why the rest could not be read. */
  problem: string | undefined;
}

const MAX_TEXT = 64 * 1024;
/** What XML has no place for and programs print all the same. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g;

/** Reads a JUnit report, however large, piece by piece. Rejects when the file cannot be read. */
export async function readJunit(path: string): Promise<JunitReport> {
  const reader = new JunitReader();
  for await (const text of createReadStream(path, "utf8")) reader.add(text as string);
  return reader.end();
}

export class JunitReader {
  private readonly parser = new SaxesParser();
  private readonly cases: JunitCase[] = [];
  private readonly suites: string[] = [];
  private open: JunitCase | undefined;
  private text = "";
  private problem: string | undefined;

  constructor() {
    this.parser.on("error", (error) => (this.problem ??= error.message));
    this.parser.on("opentag", ({ name, attributes }) => this.start(name, attributes));
    this.parser.on("closetag", ({ name, attributes }) => this.finish(name, attributes));
    for (const kind of ["text", "cdata"] as const) {
      this.parser.on(kind, (text) => (this.text = (this.text + text).slice(-MAX_TEXT)));
    }
  }

  add(text: string): void {
    if (this.problem === undefined) this.parser.write(text.replaceAll(FORBIDDEN, "\uFFFD"));
  }

  end(): JunitReport {
    if (this.problem === undefined) this.parser.close();
    return { cases: this.cases, problem: this.problem };
  }

  private start(tag: string, attributes: Readonly<Record<string, string>>): void {
    this.text = "";
    if (tag === "testsuite") this.suites.push(attributes["name"] ?? "");
    if (tag !== "testcase") return;
    const line = Number(attributes["line"]);
    this.open = {
      suite: this.suites.at(-1) ?? "",
      className: attributes["classname"] ?? "",
      name: attributes["name"] ?? "",
      file: attributes["file"],
      line: Number.isInteger(line) && line > 0 ? line : undefined,
      outcome: "passed",
      // Some write thousands apart.
      seconds: Math.max(0, Number((attributes["time"] ?? "").replaceAll(",", "")) || 0),
      message: undefined,
      output: "",
      retries: 0,
    };
  }

  private finish(tag: string, attributes: Readonly<Record<string, string>>): void {
    const { open, text } = this;
    this.text = "";
    if (tag === "testsuite") this.suites.pop();
    if (open === undefined) return;
    if (tag === "testcase") {
      this.cases.push(open);
      this.open = undefined;
    }
    if (tag === "failure" || tag === "error" || tag === "skipped") {
      open.outcome = tag === "failure" ? "failed" : tag === "error" ? "error" : skippedAs(attributes["type"]);
      open.message = words(attributes["message"] ?? attributes["type"] ?? "", text) || undefined;
    }
    if (/^(rerun|flaky)(Failure|Error)$/.test(tag)) open.retries += 1;
    if (tag === "system-out" || tag === "system-err") open.output = (open.output + text).slice(-MAX_TEXT);
  }
}

function skippedAs(type = ""): TestOutcome {
  return type === "pytest.xfail" ? "xfailed" : "skipped";
}

/** The text mostly repeats the message. */
function words(message: string, text: string): string {
  const body = text.trim();
  return body.includes(message.trim()) ? body : `${message.trim()}\n${body}`.trim();
}
