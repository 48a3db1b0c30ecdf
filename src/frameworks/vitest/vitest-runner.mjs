// Speaks for Vitest: one instance of the user's own, kept from batch to batch.
import { pathToFileURL } from "node:url";
import {
  distinct,
  fileName,
  fileOf,
  finish,
  fromProject,
  namePattern,
  say,
  serve,
  task,
  whole,
} from "../test-runner.mjs";

const { createVitest, parseCLI } = await import(pathToFileURL(fromProject.resolve("vitest/node")).href);
const { filter, options } = parseCLI(["vitest", "run", ...task.arguments]);

/** Of the batch that runs: what is asked for, our ids by Vitest's, output by Vitest's id, which ids run and are told, and how a worker died. */
let batch;

const vitest = await createVitest("test", {
  ...options,
  watch: false,
  run: true,
  // The fleet is the parallelism; a list is made before it begins.
  ...(task.mode === "run" ? { maxWorkers: 1, minWorkers: 1 } : {}),
  includeTaskLocation: true,
  reporters: [reporter()],
  coverage: { ...options.coverage, enabled: false },
  ...(task.retries > 0 ? { retry: task.retries } : {}),
});
const patternOfUser = vitest.getGlobalTestNamePattern?.();
await serve({ list, run, close: () => vitest.close() });

async function list() {
  if (task.detail === "files") return listFiles();
  const { testModules, unhandledErrors } = await vitest.collect(filter, { staticParse: false });
  for (const module of testModules) {
    const file = fileName(module.moduleId);
    for (const { message } of module.errors()) say({ kind: "problem", file, message });
    for (const [test, id] of idsOf(module)) {
      const { mode } = test.options;
      if (mode === "skip" && patternOfUser !== undefined && !nameMatches(test)) continue;
      const skip = mode === "skip" || mode === "todo" ? { skip: mode } : {};
      const line = test.location === undefined ? {} : { line: test.location.line };
      const tags = test.tags ?? [];
      say({ kind: "test", test: { id, file, ...line, together: `file:${prefixOf(module)}${file}`, tags, ...skip } });
    }
  }
  for (const { message } of unhandledErrors ?? []) say({ kind: "problem", file: null, message });
}

/** Vitest finds out which tests a file has by loading it, which takes as long as running most files. */
async function listFiles() {
  for (const specification of await vitest.globTestSpecifications(filter)) {
    const file = fileName(specification.moduleId);
    const id = `${prefixOf(specification)}${file}`;
    say({ kind: "test", test: { id, file, together: `file:${id}`, tags: [] } });
  }
}

function nameMatches(test) {
  return patternOfUser.test(namesOf(test).join(" ")) || patternOfUser.test(namesOf(test).join(" > "));
}

async function run(tests) {
  const specifications = await vitest.globTestSpecifications();
  const known = new Map(specifications.map((one) => [`${prefixOf(one)}${fileName(one.moduleId)}`, one]));
  batch = { asked: new Set(tests), ids: new Map(), output: new Map(), told: new Set() };
  const asked = tests.filter((id) => known.has(whole(id)));
  await runSome(asked, known);
  // A worker of Vitest that dies takes what it had not yet told along: what is left runs test by test, to find which one it dies of.
  for (const id of untold(asked)) {
    await runSome([id], known);
    if (batch.crash !== undefined && !batch.told.has(id)) {
      tell({ id, file: fileOf(id), outcome: "crashed", message: batch.crash });
    }
  }
  for (const id of tests.filter((one) => one !== whole(one) && !batch.told.has(one))) {
    tell({ id, file: fileOf(id), outcome: "error", message: "Vitest found no such test" });
  }
  for (const id of tests.filter((one) => one === whole(one) && !known.has(one))) {
    tell({ id, file: fileOf(id), outcome: "error", message: "Vitest found no such file" });
  }
}

async function runSome(ids, known) {
  batch.crash = undefined;
  batch.running = new Set(ids);
  batch.ended = new Set();
  filterByName(ids);
  await vitest.runTestSpecifications([...new Set(ids.map((id) => known.get(whole(id))))], false);
}

/** Of a file, its tests, as far as they are known; a file all of whose tests are told is. */
function untold(asked) {
  const known = [...batch.ids.values()];
  const tests = asked.flatMap((id) => (id === whole(id) ? known.filter((one) => whole(one) === id) : [id]));
  const files = asked.filter((id) => id === whole(id) && !known.some((one) => whole(one) === id));
  return [...new Set([...tests, ...files])].filter((id) => !batch.told.has(id));
}

function filterByName(ids) {
  if (ids.every((id) => id === whole(id))) {
    if (patternOfUser === undefined) vitest.resetGlobalTestNamePattern();
    else vitest.setGlobalTestNamePattern(patternOfUser);
  } else if (ids.some((id) => id === whole(id))) vitest.resetGlobalTestNamePattern();
  else vitest.setGlobalTestNamePattern(new RegExp(namePattern(ids)));
}

function reporter() {
  return {
    onUserConsoleLog({ content, taskId, type }) {
      (type === "stderr" ? process.stderr : process.stdout).write(content);
      if (taskId !== undefined) batch?.output.set(taskId, (batch.output.get(taskId) ?? "") + content);
    },
    onTestModuleCollected(module) {
      for (const [test, id] of idsOf(module)) {
        if (batch.asked.has(id) || batch.asked.has(whole(id))) batch.ids.set(test.id, id);
      }
    },
    // Of a test that keeps its worker from saying anything, this is all that is heard.
    onTestModuleStart(module) {
      say({ kind: "started", id: `${prefixOf(module)}${fileName(module.moduleId)}` });
    },
    onTestCaseReady(test) {
      if (!isLeftOut(test)) say({ kind: "started", id: batch.ids.get(test.id) });
    },
    onTestCaseResult: (test) => tellTest(test),
    onTestModuleEnd,
    onTestRunEnd,
  };
}

/** Set aside by the filter by name, not by the project. */
function isLeftOut(test) {
  const id = batch.ids.get(test.id);
  return id === undefined || batch.told.has(id) || !(batch.running.has(id) || batch.running.has(whole(id)));
}

function tellTest(test) {
  const { state, errors, note } = test.result();
  if (isLeftOut(test) || state === "pending") return;
  const around = errorsAround(test);
  const { duration = 0, retryCount = 0 } = test.diagnostic() ?? {};
  const broken = state === "skipped" && around.length > 0 && test.options.mode === "run";
  tell({
    id: batch.ids.get(test.id),
    file: fileName(test.module.moduleId),
    outcome: broken ? "error" : state,
    seconds: duration / 1_000,
    message: state === "skipped" && !broken ? (note ?? test.options.mode) : textOf(broken ? around : (errors ?? [])),
    output: batch.output.get(test.id),
    retries: retryCount,
  });
}

function tell(result) {
  batch.told.add(result.id);
  finish(result);
}

function onTestModuleEnd(module) {
  batch.ended.add(module.id);
  const file = fileName(module.moduleId);
  const errors = module.errors();
  const name = `${prefixOf(module)}${file}`;
  if (errors.length > 0) {
    const message = textOf(errors);
    say({ kind: "problem", file, message });
    for (const id of batch.asked) {
      if (whole(id) === name && !batch.told.has(id)) tell({ id, file, outcome: "error", message });
    }
  } else {
    for (const [test] of idsOf(module)) tellTest(test);
  }
  say({ kind: "loaded", file, files: loadedBy(module) });
}

function onTestRunEnd(modules, unhandledErrors) {
  // Vitest 3 tells of a file that it could not load only here.
  for (const module of modules) if (!batch.ended.has(module.id) && module.errors().length > 0) onTestModuleEnd(module);
  for (const error of unhandledErrors) {
    const message = textOf([error]);
    if (/\[vitest-pool\]|exited unexpectedly/.test(message)) batch.crash ??= message;
    else say({ kind: "problem", file: null, message });
  }
}

function errorsAround(test) {
  const errors = [];
  for (let { parent } = test; parent !== undefined; { parent } = parent) errors.push(...parent.errors());
  return errors;
}

function textOf(errors) {
  return errors.map((error) => [wordsOf(error), error.diff].filter(Boolean).join("\n")).join("\n\n");
}

/** Without what is inside the framework. */
function wordsOf({ name, message, stack = "", cause }) {
  const frames = stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line) && !/node_modules|node:|<anonymous>\)$/.test(line));
  const why = cause === undefined ? [] : [`Caused by: ${cause.message ?? cause}`];
  return [`${name}: ${message}`, ...frames, ...why].join("\n");
}

/** The files of the project that a test file led to. */
function loadedBy(module) {
  const graph = (module.viteEnvironment ?? module.project.vite.environments.ssr).moduleGraph;
  const seen = new Set();
  const open = [graph.getModuleById(module.moduleId)];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    open.push(...node.importedModules);
  }
  const files = [...seen].map(({ file }) => file && fileName(file));
  return [...new Set(files)]
    .filter((file) => file && !file.startsWith("..") && !file.includes("node_modules/"))
    .toSorted((a, b) => (a < b ? -1 : 1));
}

function prefixOf({ project }) {
  return project.name ? `[${project.name}] ` : "";
}

function namesOf(test) {
  const names = [test.name];
  for (let { parent } = test; parent.type === "suite"; { parent } = parent) names.unshift(parent.name);
  return names;
}

/** The tests of a file with their ids. */
function idsOf(module) {
  const seen = new Map();
  const file = `${prefixOf(module)}${fileName(module.moduleId)}`;
  return Array.from(module.children.allTests(), (test) => [test, distinct([file, ...namesOf(test)].join(" > "), seen)]);
}
