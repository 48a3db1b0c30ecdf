// `npm test`: the gates of `npm run check`, then every Vitest test; the last line is `N passed, N failed`.
//   --type unit|integration|e2e   only that kind (unit and integration lie in src/ and scripts/, e2e in test/)
//   --filter TEXT                 only tests whose full name contains TEXT
// With either option the gates are left out: it is the loop of somebody at work on one thing.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { runGates, runTool } from "./check.mjs";

const PROJECT_OF_TYPE = { unit: "unit", integration: "unit", e2e: "e2e" };

const { type, filter } = readArguments();
const partial = type !== undefined || filter !== undefined;
if (partial) console.log("gates left out: this run is narrowed by --type or --filter");
const gates = partial ? { passed: 0, failed: 0 } : await runGates();
const tests = await runVitest();

const passed = gates.passed + tests.passed;
const failed = gates.failed + tests.failed;
if (passed + failed === 0) console.error("no test matched --type and --filter");
const skipped = tests.skipped === 0 ? "" : `, ${tests.skipped} skipped`;
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
console.log(`${passed} passed, ${failed} failed${skipped}`);

function readArguments() {
  try {
    const { values } = parseArgs({ options: { type: { type: "string" }, filter: { type: "string" } } });
    if (values.type === undefined || Object.hasOwn(PROJECT_OF_TYPE, values.type)) return values;
    console.error(`--type ${values.type} is unknown; use ${Object.keys(PROJECT_OF_TYPE).join(", ")}`);
  } catch (error) {
    console.error(`${error.message}\nusage: npm test -- [--type unit|integration|e2e] [--filter TEXT]`);
  }
  process.exit(2);
}

async function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), "assay-test-"));
  try {
    const report = join(folder, "report.json");
    const command = ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    if (type !== undefined) command.push("--project", PROJECT_OF_TYPE[type]);
    if (filter !== undefined) command.push("--testNamePattern", filter.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const { code } = await runTool(command, "inherit");
    return count(report, code);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Counts tests in Vitest's report. A file that could not be collected, or a failure outside any test, counts as one failed. */
function count(report, code) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of readReport(report)) {
    if (file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"))
      counts.failed += 1;
    for (const { status, fullName } of file.assertionResults) {
      // A name filter turns every other test into a skipped one.
      if (filter !== undefined && !fullName.includes(filter)) continue;
      if (status === "passed") counts.passed += 1;
      else if (status === "failed") counts.failed += 1;
      else counts.skipped += 1;
    }
  }
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** Vitest writes no report when it dies early; its exit code then tells the failure. */
function readReport(report) {
  try {
    return JSON.parse(readFileSync(report, "utf8")).testResults;
  } catch {
    console.error("Vitest ended without a report: see its output above");
    return [];
  }
}
