// Speaks for Cargo: it builds, and each program of tests is run as Cargo would, one test after the other, so that what a test prints and
// what ends its process is that of one test.
import { z } from "zod";
import { fittingParts } from "../command-line.ts";
import { endAs, LineSplitter, runChild } from "../run-child.ts";
import type { ChildEnd } from "../run-child.ts";
import { distinct, finish, say, serve, task, whole } from "../test-runner.mjs";
import { cargoArguments } from "./cargo-arguments.ts";
import { buildTargets } from "./cargo-targets.ts";
import type { CargoBuild, CargoTarget } from "./cargo-targets.ts";
import { LibtestOutput, panicIn } from "./libtest-output.ts";
import type { LibtestEnd } from "./libtest-output.ts";

const { scratch } = z.object({ scratch: z.string() }).parse(task.settings);
const given = cargoArguments(task.arguments);
/** Systems take no longer command lines. */
const MAX_NAMES = process.platform === "win32" ? 20_000 : 500_000;
const IN_DOCUMENTATION = / \(line \d+\)$/;
/** How Rust's test programs end when tests failed. */
const TESTS_FAILED = 101;

interface Known {
  target: CargoTarget;
  /** Null for a program that cannot list its tests: it is one. */
  name: string | null;
  skip: boolean;
}

let built: Promise<CargoBuild> | undefined;
/** By id, in the order in which Cargo would run them. */
const known = new Map<string, Known>();
let hasDocumentation = false;

await serve({ list, run });

async function build(): Promise<CargoBuild> {
  built ??= buildTargets(given, scratch).then(async (made) => {
    if (made.failed !== undefined) endAs(made.failed);
    const seen = new Map<string, number>();
    for (const target of made.targets) await learn(target, seen);
    return made;
  });
  return built;
}

/** Cargo builds documentation to list its tests, so that is done only when they are asked for. */
async function learnDocumentation({ documented }: CargoBuild): Promise<void> {
  if (hasDocumentation) return;
  hasDocumentation = true;
  for (const target of documented) await learn(target, new Map());
}

async function learn(target: CargoTarget, seen: Map<string, number>): Promise<void> {
  const ask = async (more: readonly string[]): Promise<string[] | undefined> => {
    const names: string[] = [];
    const lines = new LineSplitter((line) => {
      const [, name, kind] = /^(.*): (test|benchmark)\r?$/.exec(line) ?? [];
      if (name !== undefined && kind === "test") names.push(name);
    });
    let text = "";
    const end = await runChild([...target.command, ...target.args, ...more, "--list", "--format", "terse"], {
      ...target,
      onText: (part) => {
        text += part;
        lines.add(part);
      },
    });
    const isList = end.exitCode === 0 && (names.length > 0 || text.trim() === "");
    return isList ? names : undefined;
  };
  const names = await ask([]);
  const ignored = new Set(
    given.tests.some((one) => /^--(include-)?ignored$/.test(one)) ? [] : await ask(["--ignored"]),
  );
  if (names === undefined && !target.isDocumentation)
    known.set(distinct(target.file, seen), { target, name: null, skip: false });
  for (const name of names ?? [])
    known.set(distinct(`${target.file} > ${name}`, seen), { target, name, skip: ignored.has(name) });
}

async function list(): Promise<void> {
  const made = await build();
  await learnDocumentation(made);
  for (const { file, message } of made.problems) say({ kind: "problem", file, message });
  for (const [id, { target, skip }] of known) {
    const { file, isDocumentation } = target;
    say({
      kind: "test",
      test: {
        id,
        file,
        tags: [],
        ...(isDocumentation ? { together: `doc:${file}` } : {}),
        ...(skip ? { skip: "ignored" } : {}),
      },
    });
  }
}

async function run(tests: string[]): Promise<void> {
  const made = await build();
  if (tests.some((id) => IN_DOCUMENTATION.test(id) || id === whole(id))) await learnDocumentation(made);
  const ids = tests.flatMap((id) => {
    if (known.has(id)) return [id];
    const within = [...known.keys()].filter((one) => whole(one) === id);
    const why = made.problems.map(({ message }) => message).join("\n") || "Cargo has no such test";
    if (within.length === 0) finish({ id, file: whole(id), outcome: "error", message: why });
    return within;
  });
  for (const [target, some] of Map.groupBy(ids, (id) => known.get(id)?.target)) {
    if (target === undefined) continue;
    let left = some;
    for (let tries = 0; left.length > 0; tries += 1) left = await runOnce(target, left, tries);
  }
}

/** Resolves with those that are to be tried again. */
async function runOnce(target: CargoTarget, ids: readonly string[], tries: number): Promise<string[]> {
  const again: string[] = [];
  const tell = (id: string, end: LibtestEnd): void => {
    if (end.verdict === "FAILED" && tries < task.retries) again.push(id);
    else tellEnd(id, end, tries);
  };
  const byName = new Map<string, string>();
  for (const id of ids) {
    const name = known.get(id)?.name ?? null;
    if (name === null) await runAlone(target, { id, name }, tell);
    else byName.set(name, id);
  }
  for (const names of fittingParts([...byName.keys()], { most: MAX_NAMES, sizeOf: (name) => name.length + 1 })) {
    for (const name of await runTogether(target, { names, byName }, tell)) {
      const id = byName.get(name) ?? "";
      if (!target.isDocumentation) await runAlone(target, { id, name }, tell);
      else finish({ id, file: target.file, outcome: "error", message: "it did not become clear what became of it" });
    }
  }
  return again;
}

type Tell = (id: string, end: LibtestEnd) => void;

/** Runs tests in one process; resolves with those of which it did not become clear what became. */
async function runTogether(
  target: CargoTarget,
  { names, byName }: { names: readonly string[]; byName: ReadonlyMap<string, string> },
  tell: Tell,
): Promise<string[]> {
  const unclear: string[] = [];
  const wanted = new Set(names);
  // Rustdoc may run others too.
  const all = target.isDocumentation ? [...known.values()].filter((one) => one.target === target) : [];
  const output = new LibtestOutput([...names, ...all.map(({ name }) => name ?? "")], {
    start: (name) => {
      if (wanted.has(name)) say({ kind: "started", id: byName.get(name) ?? "" });
    },
    end: (end) => {
      if (!wanted.has(end.name)) return;
      if (end.verdict === "unclear") unclear.push(end.name);
      else tell(byName.get(end.name) ?? "", end);
    },
    nowMs: () => performance.now(),
  });
  const end = await exactly(target, names, (text) => output.add(text));
  const { during, left: notStarted } = output.close();
  const left = notStarted.filter((name) => wanted.has(name));
  if (during !== undefined) {
    // What is unclear is run again by whoever finds out what this process died of.
    say({ kind: "started", id: byName.get(during) ?? "" });
    endAs(end);
  }
  if (left.length === names.length && end.exitCode !== 0) endAs(end);
  return [...unclear, ...left];
}

/** One test in a process of its own, which tells by its exit code; or a program that is one test. */
async function runAlone(
  target: CargoTarget,
  { id, name }: { id: string; name: string | null },
  tell: Tell,
): Promise<void> {
  say({ kind: "started", id });
  const sinceMs = performance.now();
  let text = "";
  const end = await exactly(target, name === null ? null : [name], (part) => (text = (text + part).slice(-64 * 1024)));
  const seconds = (performance.now() - sinceMs) / 1000;
  const { exitCode } = end;
  if (exitCode !== 0 && (name === null ? exitCode === null : exitCode !== TESTS_FAILED)) endAs(end);
  if (name !== null && /^running 0 tests$/m.test(text)) {
    finish({ id, file: target.file, outcome: "error", message: "Cargo has no such test" });
    return;
  }
  const verdict = exitCode !== 0 ? "FAILED" : /; 1 ignored;/.test(text) ? "ignored" : "ok";
  tell(id, { name: name ?? id, verdict, seconds, text: verdict === "ignored" ? "" : text });
}

/** Runs exactly these tests of a program, with what it prints on both of its streams in its order. */
function exactly(
  target: CargoTarget,
  names: readonly string[] | null,
  onText: (text: string) => void,
): Promise<ChildEnd> {
  const which = target.args.filter((one) => /^--(include-)?ignored$/.test(one));
  const how = ["--test-threads=1", "--nocapture", "--color=never"];
  // Rustdoc takes words and no names: `5)` of `src/lib.rs - add (line 5)` is in those of other lines at most.
  const chosen = target.isDocumentation
    ? names?.map((name) => name.split(" ").at(-1) ?? "")
    : ["--exact", ...(names ?? [])];
  const command = [...target.command, ...(names === null ? target.args : [...which, ...how, ...(chosen ?? [])])];
  const inOrder = process.platform === "win32" ? command : ["/bin/sh", "-c", 'exec "$0" "$@" 2>&1', ...command];
  return runChild(inOrder, {
    ...target,
    onText: (text) => {
      process.stdout.write(text);
      onText(text);
    },
  });
}

function tellEnd(id: string, { verdict, seconds, text }: LibtestEnd, retries: number): void {
  const file = known.get(id)?.target.file ?? whole(id);
  const outcome = verdict === "ok" ? "passed" : verdict === "ignored" ? "skipped" : "failed";
  const message = verdict === "ignored" ? text || "ignored" : panicIn(text) || "it said nothing of why it failed";
  finish({ id, file, outcome, seconds, message, output: text, retries });
}
