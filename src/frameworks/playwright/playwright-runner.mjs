// Speaks for Playwright Test: its own program, once for each batch.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fileOf, fromProject, namePattern, runProgram, serve, task, whole } from "../test-runner.mjs";

const program = join(dirname(fromProject.resolve("@playwright/test/package.json")), "cli.js");
const reporter = fileURLToPath(new URL("./playwright-reporter.mjs", import.meta.url));

await serve({ list, run });

async function list() {
  await runProgram([program, "test", ...task.arguments, "--list", `--reporter=${reporter}`], {});
}

async function run(tests) {
  const names = tests.filter((id) => id !== whole(id));
  const files = [...new Set(tests.map(fileOf))].map((file) => `${file.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&")}$`);
  // The fleet is the parallelism.
  const own = ["--workers=1", `--reporter=${reporter}`, "--pass-with-no-tests"];
  const retries = task.retries > 0 ? [`--retries=${task.retries}`] : [];
  // Playwright puts the project and the file before a name, and tags behind it.
  const grep =
    names.length === tests.length ? ["--grep", `(?:^|\\s)${namePattern(names).slice(1, -1)}(?: @\\S+)*$`] : [];
  await runProgram([program, "test", ...task.arguments, ...own, ...retries, ...grep, ...files], { tests });
}
