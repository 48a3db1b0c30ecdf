// Mocha makes it by its path, in the process that runs the tests.
const { distinct, fileName, fileOf, finish, isAsked, say, task } = require("../test-runner.mjs");

module.exports = function MochaReporter(runner) {
  const ids = new Map();
  const told = new Set();
  const output = captured();
  const idOf = (test) => {
    // A test that is tried again is a copy of itself.
    for (let one = test; one !== undefined; one = one.retriedTest?.()) if (ids.has(one)) return ids.get(one);
    return "";
  };
  const asked = new Set(task.tests);
  const tell = (test, outcome, message) => {
    const id = idOf(test);
    if (!isAsked(id, asked) || told.has(id)) return;
    told.add(id);
    const retries = test.currentRetry?.() ?? 0;
    const seconds = (test.duration ?? 0) / 1_000;
    finish({ id, file: fileOf(id), outcome, seconds, message, output: output.text, retries });
  };
  runner.once("start", () => nameAll(runner.suite, ids));
  if (task.mode === "list") {
    runner.on("test end", (test) => say({ kind: "test", test: listed(test, idOf(test)) }));
  } else {
    runner.on("test", (test) => {
      output.text = "";
      if (isAsked(idOf(test), asked)) say({ kind: "started", id: idOf(test) });
    });
    runner.on("pass", (test) => tell(test, "passed"));
    runner.on("pending", (test) => tell(test, "skipped", "skip"));
    runner.on("fail", (runnable, error) => {
      const message = short(error?.stack ?? String(error));
      if (runnable.type !== "hook")
        return tell(runnable, error?.code === "ERR_MOCHA_TIMEOUT" ? "timed_out" : "failed", message);
      // What a hook keeps from running is told of nowhere else.
      const left = testsOf(runnable.parent).filter((test) => !told.has(idOf(test)));
      if (left.length === 0) say({ kind: "problem", file: runnable.file ? fileName(runnable.file) : null, message });
      for (const test of left) tell(test, "error", `${runnable.title}: ${message}`);
    });
  }
  runner.once("end", () => {
    for (const id of asked) {
      if ([...told].some((one) => isAsked(one, new Set([id])))) continue;
      finish({ id, file: fileOf(id), outcome: "error", message: "Mocha found no such test" });
    }
    process.send?.("ended");
  });
};

function nameAll(suite, ids) {
  const seen = new Map();
  for (const test of testsOf(suite)) {
    const [...names] = test.titlePath();
    ids.set(test, distinct([fileName(test.file ?? ""), ...names].join(" > "), seen));
  }
}

function testsOf(suite) {
  return [...suite.tests, ...suite.suites.flatMap(testsOf)];
}

function listed(test, id) {
  const file = fileOf(id);
  return { id, file, together: `file:${file}`, tags: [], ...(test.isPending() ? { skip: "skip" } : {}) };
}

/** What the test that runs prints, which still goes where it went. */
function captured() {
  const output = { text: "" };
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    stream.write = (chunk, ...rest) => {
      output.text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      return write(chunk, ...rest);
    };
  }
  return output;
}

/** Without what is inside the framework. */
function short(message) {
  const lines = message.split("\n").filter((line) => !/^\s+at .*(node:|node_modules|<anonymous>\)?$)/.test(line));
  return lines.join("\n");
}
