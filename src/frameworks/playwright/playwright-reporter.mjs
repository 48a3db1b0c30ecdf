// Playwright makes it by its path, in the process that starts the workers.
import { distinct, fileName, fileOf, finish, isAsked, say, task } from "../test-runner.mjs";

// oxlint-disable-next-line import/no-default-export -- Playwright takes nothing else.
export default class {
  ids = new Map();
  told = new Set();
  asked = new Set(task.tests);

  onBegin(config, suite) {
    const seen = new Map();
    for (const test of suite.allTests()) {
      this.ids.set(test, distinct([fileOfTest(test), ...namesOf(test)].join(" > "), seen));
    }
    if (task.mode === "list") for (const [test, id] of this.ids) say({ kind: "test", test: listed(test, id, config) });
  }

  onTestBegin(test) {
    if (this.isAsked(test)) say({ kind: "started", id: this.ids.get(test) });
  }

  onTestEnd(test, result) {
    const isLast = result.retry >= test.retries || result.status === test.expectedStatus || result.status === "skipped";
    if (!this.isAsked(test) || !isLast) return;
    const id = this.ids.get(test);
    for (const { name, path, contentType } of result.attachments) {
      if (path !== undefined) say({ kind: "attachment", id, name, path, contentType });
    }
    const message = result.errors.map((error) => error.stack ?? error.message ?? error.value ?? "").join("\n\n");
    const outcome = outcomeOf(test, result, message);
    this.told.add(id);
    finish({
      id,
      file: fileName(test.location.file),
      outcome,
      seconds: result.duration / 1_000,
      message: outcome === "skipped" ? reasonOf(test) : message,
      output: [...result.stdout, ...result.stderr].join(""),
      retries: result.retry,
    });
  }

  onStdOut(chunk) {
    process.stdout.write(chunk);
  }

  onStdErr(chunk) {
    process.stderr.write(chunk);
  }

  onError({ message, stack, value, location }) {
    const file = location === undefined ? null : fileName(location.file);
    this.problem ??= stack ?? message ?? value;
    say({ kind: "problem", file, message: stack ?? message ?? value ?? "" });
  }

  onEnd() {
    for (const id of this.asked) {
      if ([...this.told].some((one) => isAsked(one, new Set([id])))) continue;
      finish({ id, file: fileOf(id), outcome: "error", message: this.problem ?? "Playwright found no such test" });
    }
    process.send?.("ended");
  }

  printsToStdio() {
    return true;
  }

  isAsked(test) {
    return isAsked(this.ids.get(test), this.asked);
  }
}

function listed(test, id, config) {
  const { file: path, line } = test.location;
  const file = fileName(path);
  const together = togetherOf(test, config);
  const isSkipped = test.expectedStatus === "skipped";
  return {
    id,
    file,
    line,
    tags: test.tags ?? [],
    ...(together === undefined ? {} : { together }),
    ...(isSkipped ? { skip: reasonOf(test) } : {}),
  };
}

/** The tests of a file follow each other, unless they are said to be independent; those of a serial group always do. */
function togetherOf(test, { fullyParallel }) {
  const suites = [];
  for (let suite = test.parent; suite?.type === "describe" || suite?.type === "file"; suite = suite.parent)
    suites.unshift(suite);
  const modeOf = (suite) => suite._parallelMode;
  const group = suites.find((suite) => suite.type === "describe" && ["serial", "default"].includes(modeOf(suite)));
  const isParallel = suites.some((suite) => modeOf(suite) === "parallel");
  if (!fullyParallel && !isParallel) return `file:${fileOfTest(test)}`;
  return group === undefined ? undefined : `group:${[fileOfTest(test), ...group.titlePath().slice(3)].join(" > ")}`;
}

function outcomeOf({ expectedStatus }, { status }, message) {
  if (status === "skipped") return "skipped";
  if (status === "interrupted") return "not_run";
  if (status === "timedOut") return "timed_out";
  if (/worker process exited unexpectedly/.test(message)) return "crashed";
  if (expectedStatus === "failed") return status === "failed" ? "xfailed" : "xpassed";
  return status === "passed" ? "passed" : "failed";
}

function reasonOf({ annotations }) {
  return annotations.find(({ type }) => ["skip", "fixme"].includes(type))?.description ?? "skip";
}

function fileOfTest(test) {
  const [, project] = test.titlePath();
  return `${project ? `[${project}] ` : ""}${fileName(test.location.file)}`;
}

/** Without the root, the project and the file. */
function namesOf(test) {
  return test.titlePath().slice(3);
}
