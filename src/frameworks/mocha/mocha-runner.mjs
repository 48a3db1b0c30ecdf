// Speaks for Mocha: its own program, once for each batch.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fileOf, fromProject, namePattern, runProgram, serve, task, whole } from "../test-runner.mjs";

const program = join(dirname(fromProject.resolve("mocha/package.json")), "bin/mocha.js");
const reporter = fileURLToPath(new URL("./mocha-reporter.cjs", import.meta.url));

await serve({ list, run });

async function list() {
  await runProgram([program, ...task.arguments, "--dry-run", "--reporter", reporter], {});
}

async function run(tests) {
  const names = tests.filter((id) => id !== whole(id));
  const retries = task.retries > 0 ? ["--retries", String(task.retries)] : [];
  const grep = names.length === tests.length ? ["--grep", namePattern(names)] : [];
  const files = new Set(tests.map(fileOf));
  await runProgram([program, ...task.arguments, ...retries, ...grep, "--reporter", reporter, ...files], { tests });
}
