// Speaks for Go: `go test` of one package after the other. What a test does to its process is seen here by what Go says, and where Go
// does not say which test it was, this ends too, so that whoever started it finds out.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fittingParts } from "../command-line.ts";
import { endAs, LineSplitter, runChild } from "../run-child.ts";
import type { ChildEnd } from "../run-child.ts";
import { fileName, finish, say, serve, task, whole } from "../test-runner.mjs";
import { goArguments } from "./go-arguments.ts";
import { goPattern } from "./go-name.ts";
import { GoTests, isDeath, printedBy, reasonIn } from "./go-tests.ts";
import type { GoEvent, GoTest } from "./go-tests.ts";

const given = goArguments(task.arguments);
const DEFINED = /^func ((?:Test|Fuzz|Example)\w*)\s*\(/gm;
/** Systems take no longer words on a command line. */
const MAX_PATTERN = process.platform === "win32" ? 20_000 : 100_000;
const room = { most: MAX_PATTERN, sizeOf: (name: string) => name.length + 1 };
const LISTED = /^(Test|Fuzz|Example)\w*$/;

interface GoPackage {
  name: string;
  /** As in ids. */
  files: string[];
}

await serve({ list, run });

async function list(): Promise<void> {
  const packages = await packagesWithTests();
  if (packages.length === 0) return;
  const told = new Map(packages.map(({ name }) => [name, new GoTests({ start: nothing, end: nothing })]));
  let failed = "";
  const lines = new LineSplitter((line) => {
    const event = eventOf(line);
    const name = event?.Package ?? event?.ImportPath ?? /^FAIL\s+(\S+)/.exec(line)?.[1] ?? "";
    if (event === undefined) told.get(name)?.addText(line);
    else told.get(name)?.add(event);
    if (event?.Action === "build-output") failed += event.Output ?? "";
  });
  const command = ["test", "-json", "-list", given.pattern, ...given.build, ...given.flags];
  const end = await runChild(["go", ...command, ...packages.map(({ name }) => name)], {
    onText: (text) => lines.add(text),
  });
  lines.end();
  for (const one of packages) tellListed(one, told.get(one.name), `${failed}${end.stderr}`);
}

function tellListed({ name, files }: GoPackage, told: GoTests | undefined, errors: string): void {
  const places = defined(files);
  const seen = new Map<string, number>();
  for (const test of (told?.text ?? "").split("\n").filter((line) => LISTED.test(line))) {
    // A package and the one that tests it from outside may each have one.
    const number = seen.get(test) ?? 0;
    seen.set(test, number + 1);
    const { file, line } = places.get(test)?.[number] ?? { file: files[0] ?? ".", line: undefined };
    const id = `${file} > ${test}`;
    say({
      kind: "test",
      test: { id, file, ...(line === undefined ? {} : { line }), together: `package:${dirname(file)}`, tags: [] },
    });
  }
  if (told?.passed === true || (seen.size > 0 && told?.notBuilt === false)) return;
  const ofPackage = errors
    .split(/^(?=# )/m)
    .filter((part) => part.startsWith(`# ${name} `) || part.startsWith(`# ${name}\n`));
  const message = [...new Set(ofPackage)].join("").trim() || `${told?.text ?? ""}${errors}`.trim();
  say({ kind: "problem", file: files[0] ?? null, message: message.slice(-4_000) });
}

async function packagesWithTests(): Promise<GoPackage[]> {
  let text = "";
  const format =
    "package {{.ImportPath}}\n{{.Dir}}\n{{range .TestGoFiles}}{{.}}\n{{end}}{{range .XTestGoFiles}}{{.}}\n{{end}}";
  const end = await runChild(["go", "list", "-e", "-f", format, ...given.build, ...given.packages], {
    onText: (more) => (text += more),
  });
  if (end.exitCode !== 0) endAs(end);
  const packages = text.split(/^package /m).map((part) => part.trim().split("\n"));
  return packages.flatMap(([name = "", folder = "", ...files]) =>
    files.length === 0 ? [] : [{ name, files: files.map((file) => fileName(join(folder, file))) }],
  );
}

/** Where each test of some files is, by its name. */
function defined(files: readonly string[]): Map<string, { file: string; line: number }[]> {
  const places = new Map<string, { file: string; line: number }[]>();
  for (const file of files) {
    const text = readText(file);
    for (const { 1: name = "", index } of text.matchAll(DEFINED)) {
      const line = text.slice(0, index).split("\n").length;
      places.set(name, [...(places.get(name) ?? []), { file, line }]);
    }
  }
  return places;
}

/** Asked for by id, by Go's name of the test. */
type Asked = ReadonlyMap<string, string>;

async function run(tests: string[]): Promise<void> {
  for (const [folder, ids] of Map.groupBy(tests, (id) => dirname(whole(id)))) {
    const asked = new Map<string, string>();
    for (const id of ids) {
      const file = whole(id);
      const names = id === file ? [...defined([file]).keys()] : [id.slice(file.length + " > ".length)];
      if (names.length === 0) finish({ id, file, outcome: "error", message: "there are no tests in it" });
      for (const name of names) asked.set(name, id === file ? `${file} > ${name}` : id);
    }
    let left = [...asked.keys()];
    for (let tries = 0; left.length > 0; tries += 1) left = await runOnce(folder, asked, { names: left, tries });
  }
}

/** Runs some tests of a package; resolves with those that are to be tried again. */
async function runOnce(
  folder: string,
  asked: Asked,
  { names, tries }: { names: readonly string[]; tries: number },
): Promise<string[]> {
  const again: string[] = [];
  let open = [...names];
  while (open.length > 0) {
    // Go chooses what is below a test by a pattern for each level, so each of those is run by itself.
    const top = open.filter((name) => !name.includes("/"));
    const part = new Set(top.length > 0 ? fittingParts(top, room)[0] : open.slice(0, 1));
    const started = [...part];
    const told = new GoTests({
      start: (name) => {
        const id = asked.get(name);
        if (id !== undefined && part.has(name)) say({ kind: "started", id });
      },
      end: (name, { outcome }) => {
        if (!part.delete(name)) return;
        if (outcome === "fail" && tries < task.retries) again.push(name);
        else tell(told, { name, id: asked.get(name) ?? "", tries });
      },
    });
    const end = await goTest(folder, started, told);
    settle(told, end, { asked, part });
    if (part.size === started.length) {
      for (const name of part) tellMissing(asked.get(name) ?? "", `${told.text}${end.stderr}`.trim());
      part.clear();
    }
    open = open.filter((name) => part.has(name) || !started.includes(name));
  }
  return again;
}

async function goTest(folder: string, names: readonly string[], told: GoTests): Promise<ChildEnd> {
  const lines = new LineSplitter((line) => {
    const event = eventOf(line);
    if (event === undefined) told.addText(`${line}\n`);
    else told.add(event);
    process.stdout.write(event === undefined ? `${line}\n` : (event.Output ?? ""));
  });
  const command = [
    "test",
    "-json",
    ...given.build,
    ...given.flags,
    "-count=1",
    "-run",
    goPattern(names),
    `./${folder}`,
  ];
  const end = await runChild(["go", ...command, ...given.after], { onText: (text) => lines.add(text) });
  lines.end();
  return end;
}

/** What becomes of the tests that Go said nothing of when its process has ended: those that are left in `part` are run again. */
function settle(told: GoTests, end: ChildEnd, { asked, part }: { asked: Asked; part: Set<string> }): void {
  told.close();
  const rest = (outcome: "error" | "timed_out", message: string, names = [...part]): void => {
    for (const name of names) {
      part.delete(name);
      const id = asked.get(name) ?? "";
      finish({ id, file: whole(id), outcome, message });
    }
  };
  const words = `${told.text}${end.stderr}`.trim();
  if (told.notBuilt || told.tests.size === 0) {
    const unknown = /no tests to run/.test(words) || told.passed;
    return rest("error", unknown ? "Go has no such test" : words || `go ended with exit code ${end.exitCode}`);
  }
  if (told.passed) return rest("error", "Go has no such test");
  const ended = [...told.tests].filter(([name, { outcome }]) => !name.includes("/") && outcome !== undefined);
  const [suspect, ...others] = told.suspects();
  if (suspect === undefined) {
    if (!ended.some(([, { outcome }]) => outcome === "fail")) tellOfMain(asked, words);
    // A package that ends before its tests do would do so again.
    if (ended.length === 0) rest("error", words);
    return;
  }
  // A test that Go says failed is what others beside it died of.
  if (ended.some(([name]) => told.died(name))) return;
  const { text = "" } = told.tests.get(suspect) ?? {};
  if (others.length === 0 && text.includes("panic: test timed out after"))
    return rest("timed_out", reasonIn(text), [suspect]);
  const at = [...asked].find(([name]) => name === suspect || name.startsWith(`${suspect}/`));
  if (at !== undefined) say({ kind: "started", id: at[1] });
  endAs(end);
}

function tellMissing(id: string, words: string): void {
  finish({ id, file: whole(id), outcome: "error", message: words || "Go has no such test" });
}

/** All tests passed and the package did not: what its function TestMain does is no test of its own. */
function tellOfMain(asked: Asked, message: string): void {
  const [id = ""] = asked.values();
  finish({ id: `${whole(id)} > TestMain`, file: whole(id), outcome: "error", message });
}

/** Tells a test, and what is in it before. */
function tell(told: GoTests, { name, id, tries }: { name: string; id: string; tries: number }): void {
  const file = whole(id);
  const all = told.within(name);
  for (const [one, test] of all) {
    const inner = all.filter(([other, { outcome }]) => other.startsWith(`${one}/`) && outcome === "fail");
    const reason = reasonIn(test.text) || inner.map(([other]) => `${other} failed`).join("\n");
    finish({
      id: one === name ? id : `${file} > ${one}`,
      file,
      outcome: outcomeOf(test),
      seconds: test.seconds,
      message: reason || undefined,
      output: printedBy(test.text),
      retries: tries,
    });
  }
}

function outcomeOf({ outcome, text }: GoTest): "passed" | "skipped" | "crashed" | "failed" {
  if (outcome === "pass") return "passed";
  if (outcome === "skip") return "skipped";
  return isDeath(text) ? "crashed" : "failed";
}

function eventOf(line: string): GoEvent | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as GoEvent;
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function nothing(): void {}
