// Speaks for Jest: the user's own, called again in this process for each batch.
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  distinct,
  fileName,
  fileOf,
  finish,
  fromProject,
  isAsked,
  namePattern,
  say,
  serve,
  task,
  whole,
} from "../test-runner.mjs";

/** Jest passes tests that are in none of its files by; so they are told of in the end. */
const NO_SUCH_TEST = "Jest found no such test";

const reporterPath = fileURLToPath(new URL("./jest-reporter.cjs", import.meta.url));
const jest = fromProject("jest");
/** Of the run of Jest that goes on: what is asked for, what to do with a result, how often a name was run and is in results of files, and failures that may be tried again. */
let current;

globalThis[Symbol.for("assay.jest")] = reporter();
// As Jest's own program does.
process.env.NODE_ENV ??= "test";
// Each run of Jest adds a listener to the end of the process.
process.setMaxListeners(0);
process.once("exit", tellHeld);
await serve({ list, run });

/** Jest finds out which tests a file has by running it. */
async function list() {
  const bin = join(dirname(fromProject.resolve("jest/package.json")), "bin/jest.js");
  const args = [bin, ...task.arguments, "--listTests", "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 28 });
  // Settings of the project may print before.
  const files = JSON.parse(stdout.trim().split("\n").at(-1));
  for (const file of new Set(files.map(fileName))) {
    say({ kind: "test", test: { id: file, file, together: `file:${file}`, tags: [] } });
  }
}

async function run(tests) {
  let left = new Set(tests);
  for (let tries = 0; left.size > 0 && tries <= task.retries; tries += 1) {
    left = await runOnce(left, { tries, last: tries === task.retries });
  }
}

/** Resolves with what is to be tried again. */
async function runOnce(asked, { tries, last }) {
  const files = [...new Set(Array.from(asked, fileOf))];
  const names = [...asked].filter((id) => id !== whole(id));
  const again = new Set();
  const told = new Set();
  const each = (result) => {
    if (told.has(result.id) || !isAsked(result.id, asked)) return;
    told.add(result.id);
    if (result.outcome === "failed" && !last) again.add(result.id);
    else finish({ ...result, retries: tries + (result.retries ?? 0) });
  };
  current = { asked, each, seen: new Map(), inFiles: new Map(), held: new Map() };
  // A file that is asked for whole runs whole, and so do the others then.
  const filter = names.length === asked.size ? ["--testNamePattern", namePattern(names)] : [];
  const own = ["--runInBand", "--reporters", reporterPath, "--coverage=false", "--passWithNoTests"];
  await jest.run([...optionsOfUser(), ...own, ...filter, "--runTestsByPath", ...files]);
  for (const id of names.filter((one) => !told.has(one)))
    each({ id, file: fileOf(id), outcome: "error", message: NO_SUCH_TEST });
  return again;
}

/** Without patterns of files: which files run is decided already. */
function optionsOfUser() {
  const isOption = (argument) => argument?.startsWith("-") === true;
  return task.arguments.filter((argument, index, all) => {
    const before = all[index - 1];
    return isOption(argument) || (isOption(before) && !before.includes("="));
  });
}

function reporter() {
  return {
    onTestFileStart({ path }) {
      say({ kind: "started", id: fileName(path) });
    },
    onTestCaseStart(test, names) {
      const id = distinct(idOf(test, names), new Map(current.seen));
      if (isAsked(id, current.asked)) say({ kind: "started", id });
    },
    onTestCaseResult(test, result) {
      const told = caseOf(test, result, idAtRun(test, result));
      // Jest may try it again by itself; the result of the file says.
      if (told.outcome === "failed") current.held.set(told.id, told);
      else current.each(told);
    },
    onTestFileResult(test, { testExecError, failureMessage, testResults, console: printed }) {
      for (const { message, type } of printed ?? []) {
        (["error", "warn"].includes(type) ? process.stderr : process.stdout).write(`${message}\n`);
      }
      current.held.clear();
      for (const result of testResults)
        current.each(caseOf(test, result, distinct(idOf(test, result), current.inFiles)));
      if (testExecError) tellFile(test, failureMessage ?? testExecError.message);
    },
    getLastError() {},
  };
}

/** A test that ends the process by the ordinary way keeps nothing from being told. */
function tellHeld() {
  for (const result of current?.held.values() ?? []) current.each(result);
}

function caseOf({ path }, { status, duration, failureMessages, invocations = 1 }, id) {
  const outcome = ["passed", "failed"].includes(status) ? status : "skipped";
  return {
    id,
    file: fileName(path),
    outcome,
    seconds: (duration ?? 0) / 1_000,
    message: outcome === "skipped" ? (status === "todo" ? "todo" : "skip") : failureMessages.map(short).join("\n\n"),
    retries: invocations - 1,
  };
}

/** Another try is no other test of the same name. */
function idAtRun(test, result) {
  const id = idOf(test, result);
  const count = current.seen.get(id);
  if (count !== undefined && result.invocations > 1) return count === 1 ? id : `${id} #${count}`;
  return distinct(id, current.seen);
}

/** Of a file that could not be run, all that was asked for is an error. */
function tellFile({ path }, message) {
  const file = fileName(path);
  say({ kind: "problem", file, message });
  for (const id of current.asked) if (fileOf(id) === file) current.each({ id, file, outcome: "error", message });
}

function idOf({ path }, { ancestorTitles, title }) {
  return [fileName(path), ...ancestorTitles, title].join(" > ");
}

/** Without what is inside the framework. */
function short(message) {
  const lines = message.split("\n").filter((line) => !/^\s+at .*(node:|node_modules|<anonymous>\)?$)/.test(line));
  return lines.join("\n");
}
