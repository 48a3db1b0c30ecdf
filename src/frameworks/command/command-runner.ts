// Speaks for any program that lists its tests and runs some: a shell line for each.
import { rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { TestOutcome } from "../../contracts/index.ts";
import { fittingParts } from "../command-line.ts";
import { readJunit } from "../junit-reader.ts";
import { endAs, LineSplitter, runChild } from "../run-child.ts";
import type { ChildEnd } from "../run-child.ts";
import { TapParser } from "../tap-parser.ts";
import type { TapResult } from "../tap-parser.ts";
import { distinct, say, serve, task } from "../test-runner.mjs";
import { Batch, fileIn, NOT_RUN, tell } from "./command-batch.ts";
import type { Asked, Told } from "./command-batch.ts";
import { shell, shellLine } from "./shell-line.ts";

const settings = z
  .object({ list: z.string(), run: z.string(), report: z.enum(["exit_code", "tap", "junit"]), scratch: z.string() })
  .parse(task.settings);

/** What a list of tests may take; more is no list. */
const MAX_LIST = 16 * 1024 * 1024;
const MAX_TESTS = 200_000;
const MAX_ID = 4_096;
const MAX_TEXT = 64 * 1024;
/** Systems take no longer words on a command line. */
const MAX_NAMES = process.platform === "win32" ? 6_000 : 100_000;
/** As Automake and Meson have it. */
const SKIPPED = 77;
/** Shells add the number of a signal to it. */
const KILLED_BY = 128;

let reports = 0;
let names: Promise<Map<string, string>> | undefined;

await serve({ list, run });

async function list(): Promise<void> {
  for (const id of (await listed()).keys()) say({ kind: "test", test: { id, file: fileIn(id), tags: [] } });
}

/** What the program calls each test, by id. */
async function listed(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const seen = new Map<string, number>();
  let size = 0;
  const lines = new LineSplitter((line) => {
    const name = line.replace(/\r$/, "");
    if (name.trim() === "") return;
    if (name.includes("\0") || name.length > MAX_ID - 20)
      say({
        kind: "problem",
        file: null,
        message: `this is no name of a test: ${name.replaceAll("\0", "\u2400").slice(0, 200)}`,
      });
    else found.set(distinct(name, seen), name);
  });
  const end = await runChild(shell(settings.list), {
    onText: (text) => {
      size += text.length;
      if (size <= MAX_LIST) lines.add(text);
      if (size <= MAX_LIST && found.size <= MAX_TESTS) return;
      process.stderr.write(`the list is longer than ${MAX_TESTS} tests or ${MAX_LIST} characters
`);
      process.exit(1);
    },
  });
  if (end.exitCode !== 0) endAs(end);
  lines.end();
  return found;
}

async function run(tests: string[]): Promise<void> {
  const asked = await Promise.all(tests.map(async (id) => ({ id, name: await nameOf(id) })));
  if (settings.report === "exit_code") {
    for (const one of asked) await runByItself(one);
    return;
  }
  // Quotes may make a name four times as long.
  for (const some of fittingParts(asked, { most: MAX_NAMES, sizeOf: ({ name }) => name.length * 4 + 3 })) {
    let left = some;
    for (let tries = 0; left.length > 0; tries += 1) {
      const again = await (settings.report === "tap" ? runTap(left, tries) : runJunit(left, tries));
      left = left.filter(({ id }) => again.has(id));
    }
  }
}

/** The second of a name has an id of its own, and so may a test whose name only looks so. */
async function nameOf(id: string): Promise<string> {
  if (!/ #\d+$/.test(id)) return id;
  names ??= listed();
  return (await names).get(id) ?? id;
}

async function runByItself({ id, name }: Asked): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    say({ kind: "started", id });
    const sinceMs = performance.now();
    let output = "";
    const end = await runLine([name], "", (text) => (output = (output + text).slice(-MAX_TEXT)));
    const told = byExitCode(end, output);
    if (tries < task.retries && !["passed", "skipped"].includes(told.outcome)) continue;
    return tell(id, { ...told, seconds: (performance.now() - sinceMs) / 1000, output, retries: tries });
  }
}

function byExitCode({ exitCode, signal }: ChildEnd, output: string): { outcome: TestOutcome; message?: string } {
  const last = output.trim().split("\n").at(-1)?.trim() ?? "";
  if (exitCode === 0) return { outcome: "passed" };
  if (exitCode === SKIPPED) return { outcome: "skipped", message: last || "exit code 77" };
  if (signal !== null || (exitCode ?? 0) > KILLED_BY) {
    const number = (exitCode ?? 0) - KILLED_BY;
    const name = signal ?? Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? number;
    return { outcome: "crashed", message: `its process was ended by the signal ${name}` };
  }
  const message = [`exit code ${exitCode}`, ...(last === "" ? [] : [last])].join(": ");
  return { outcome: NOT_RUN.includes(exitCode ?? 0) ? "error" : "failed", message };
}

/** Resolves with what is to be tried again. */
async function runTap(asked: readonly Asked[], tries: number): Promise<Set<string>> {
  const batch = new Batch(asked, tries);
  let sinceMs = performance.now();
  const parser = new TapParser((result) => {
    const nowMs = performance.now();
    const [top = "", ...inner] = result.names;
    const label = inner.length === 0 ? top : [top, ...inner].join(" > ");
    const isInner = inner.length > 0;
    batch.add(
      { names: [label], within: isInner ? [top] : [], label: isInner && batch.has(top) ? inner.join(" > ") : label },
      tapTold(result, isInner ? 0 : (nowMs - sinceMs) / 1000),
    );
    if (!isInner) sinceMs = nowMs;
    batch.sayNext();
  });
  const lines = new LineSplitter((line) => parser.add(line.replace(/\r$/, "")));
  batch.sayNext();
  const end = await runLine(
    asked.map(({ name }) => name),
    "",
    (text) => lines.add(text),
  );
  lines.end();
  const { planned, told, bailedOut, skippedAll } = parser.end();
  if (bailedOut !== null) return batch.end("error", `Bail out! ${bailedOut}`);
  if (skippedAll !== null) return batch.end("skipped", skippedAll || "the plan is to run none");
  return batch.endBy(end, planned !== null && told >= planned ? undefined : "it ended before it told of all its tests");
}

function tapTold({ ok, directive, explanation, output }: TapResult, seconds: number): Told {
  const reason = directive?.reason;
  if (directive?.kind === "skip") return { outcome: "skipped", seconds, message: reason || "skip" };
  if (directive?.kind === "todo")
    return { outcome: ok ? "xpassed" : "xfailed", seconds, message: reason || explanation || "todo" };
  return ok
    ? { outcome: "passed", seconds }
    : { outcome: "failed", seconds, message: explanation || output || "not ok", output };
}

/** Resolves with what is to be tried again. The report comes at the end, so nobody knows which test runs. */
async function runJunit(asked: readonly Asked[], tries: number): Promise<Set<string>> {
  const batch = new Batch(asked, tries);
  reports += 1;
  const path = join(settings.scratch, `report-${process.pid}-${reports}.xml`);
  const end = await runLine(
    asked.map(({ name }) => name),
    path,
    () => {},
  );
  const report = await readJunit(path).catch(() => undefined);
  rmSync(path, { force: true });
  if (report === undefined) return batch.endBy(end, "it wrote no report to {report}");
  for (const { suite, className, name, file = "", ...told } of report.cases) {
    const around = [className, file, suite].filter((one) => one !== "");
    const joined = ["::", ".", " > ", "#", "/", ":", " "].flatMap((sign) =>
      around.map((one) => `${one}${sign}${name}`),
    );
    const label = [className || suite, name].filter((one) => one !== "").join(" > ");
    batch.add({ names: [...joined, name], within: around, label: batch.has(...around) ? name : label }, told);
  }
  return batch.endBy(end, report.problem === undefined ? undefined : `its report cannot be read: ${report.problem}`);
}

function runLine(tests: readonly string[], report: string, onText: (text: string) => void): Promise<ChildEnd> {
  const line = shellLine(settings.run, { tests, report, also: task.arguments });
  // TAP is on standard output only; else what is printed stays in its order.
  const inOrder = settings.report === "exit_code" && process.platform !== "win32" ? `exec 2>&1\n${line}` : line;
  return runChild(shell(inOrder), {
    onText: (text) => {
      process.stdout.write(text);
      onText(text);
    },
  });
}
