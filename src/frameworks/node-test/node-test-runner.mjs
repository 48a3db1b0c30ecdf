// Speaks for node:test: each file in a process of its own, as `node --test` runs it.
import { globSync } from "node:fs";
import { run as runFiles } from "node:test";
import { distinct, fileName, fileOf, finish, namePattern, say, serve, task } from "../test-runner.mjs";

const patterns = task.arguments.filter((argument) => !argument.startsWith("-"));
const SUFFIXES = "{js,mjs,cjs,ts,mts,cts}";
/** As Node's documentation of its test runner has them. */
const DEFAULTS = [
  `**/*.test.${SUFFIXES}`,
  `**/*-test.${SUFFIXES}`,
  `**/*_test.${SUFFIXES}`,
  `**/test-*.${SUFFIXES}`,
  `**/test.${SUFFIXES}`,
  `**/test/**/*.${SUFFIXES}`,
];

await serve({ list, run });

/** Node finds out which tests a file has by running it. */
function list() {
  const exclude = (entry) => (entry.name ?? entry) === "node_modules";
  const found = globSync(patterns.length > 0 ? patterns : DEFAULTS, { exclude });
  for (const file of new Set(found.map(fileName).toSorted((a, b) => (a < b ? -1 : 1)))) {
    say({ kind: "test", test: { id: file, file, together: `file:${file}`, tags: [] } });
  }
}

async function run(tests) {
  const files = new Map();
  for (const id of tests) files.set(fileOf(id), [...(files.get(fileOf(id)) ?? []), id]);
  for (const [file, ids] of files) {
    let left = new Set(ids);
    for (let tries = 0; left.size > 0 && tries <= task.retries; tries += 1) {
      left = await runFile(file, left, { tries, last: tries === task.retries });
    }
  }
}

/** Runs what is asked for of a file; resolves with what is to be tried again. */
async function runFile(file, asked, { tries, last, byName = true }) {
  const names = [...asked].filter((id) => id !== file);
  const whole = names.length < asked.size;
  const only = byName && !whole ? { testNamePatterns: [new RegExp(namePattern(names))] } : {};
  const stream = runFiles({ files: [file], concurrency: 1, ...only });
  const again = new Set();
  const told = await follow(stream, file, (result) => {
    if (!whole && !asked.has(result.id)) return;
    const failed = !["passed", "skipped"].includes(result.outcome);
    if (failed && !last) again.add(result.id);
    else finish({ ...result, retries: tries });
  });
  const missed = names.filter((one) => !told.has(one));
  // A part of a test runs only when the test around it does, which a name does not choose.
  if (byName && missed.length > 0) {
    const left = await runFile(file, new Set(missed), { tries, last, byName: false });
    return new Set([...again, ...left]);
  }
  for (const id of missed) {
    finish({ id, file, outcome: "error", message: "node:test found no such test" });
  }
  return again;
}

/** Reads what Node tells of one file and gives the results of its tests to `each`; resolves with their ids. */
async function follow(stream, file, each) {
  const seen = new Map();
  const told = new Set();
  /** Names by depth: of what starts to run, and of what is reported, which Node does later and in order. */
  const running = [];
  const reported = [];
  let output = "";
  for await (const { type, data } of stream) {
    const isFile = data.entryFile === undefined && data.nesting === 0 && data.name === file;
    if (type === "test:stdout" || type === "test:stderr") {
      (type === "test:stdout" ? process.stdout : process.stderr).write(data.message);
      output += data.message;
    } else if (type === "test:dequeue" && !isFile) {
      running.splice(data.nesting, Infinity, data.name);
      say({ kind: "started", id: [file, ...running].join(" > ") });
    } else if (type === "test:start") {
      reported.splice(data.nesting, Infinity, data.name);
    } else if (type === "test:pass" || type === "test:fail") {
      const names = isFile ? [] : [...reported.slice(0, data.nesting), data.name];
      const result = resultOf(type, data, { isFile, isEmpty: told.size === 0 });
      if (result === undefined) continue;
      const id = distinct([file, ...names].join(" > "), seen);
      told.add(id);
      each({ ...result, id, file, output, ...(isFile ? { message: output || result.message } : {}) });
    }
  }
  return told;
}

/** Undefined for what only holds tests. */
function resultOf(type, { details, skip, todo }, { isFile, isEmpty }) {
  const { error } = details;
  const seconds = details.duration_ms / 1_000;
  const message = error === undefined ? undefined : wordsOf(error);
  if (details.type === "suite" && error?.failureType !== "hookFailed") return undefined;
  if (skip !== undefined && skip !== false) return { outcome: "skipped", seconds, message: textOr(skip, "skip") };
  if (type === "test:pass") return { outcome: "passed", seconds };
  if (todo !== undefined && todo !== false) return { outcome: "xfailed", seconds, message: textOr(todo, message) };
  if (!isFile) return { outcome: outcomeOf(error), seconds, message };
  // That tests in it failed is told of them.
  if (error?.failureType === "subtestsFailed" && !isEmpty) return undefined;
  return { outcome: error?.signal ? "crashed" : "error", seconds, message: `its process ended with ${endOf(error)}` };
}

function endOf({ signal, exitCode }) {
  return signal ?? `exit code ${exitCode}`;
}

function outcomeOf({ failureType }) {
  if (failureType === "testTimeoutFailure") return "timed_out";
  return failureType === "hookFailed" || failureType === "cancelledByParent" ? "error" : "failed";
}

function textOr(text, other) {
  return typeof text === "string" ? text : other;
}

/** Node wraps what was thrown. */
function wordsOf({ message, cause }) {
  const stack = cause?.stack ?? (cause === undefined ? message : String(cause));
  const lines = stack.split("\n").filter((line) => !/^\s+at .*(node:|node_modules)/.test(line));
  return lines.join("\n");
}
