import { cp, realpath, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FrameworkName, TestOutcome } from "../src/contracts/index.ts";
import { pythonHas } from "../src/frameworks/framework-acceptance.ts";
import { assay, Site } from "./support/assay-process.ts";
import { differingNames, outcomesAlone, outcomesTold } from "./support/framework-alone.ts";

const root = join(import.meta.dirname, "..");
/** Without tests that end their process, need other libraries, or are retried by settings of Assay's that the framework does not have. */
const examples: readonly { framework: FrameworkName; given: readonly string[]; tests: number }[] = [
  { framework: "vitest", given: [], tests: 6 },
  { framework: "jest", given: [], tests: 6 },
  { framework: "mocha", given: [], tests: 5 },
  {
    ...{ framework: "pytest", tests: 11 },
    given: [
      "--ignore=tests/test_ends_its_process.py",
      "--ignore=tests/test_libraries.py",
      "--deselect=tests/test_outcomes.py::test_is_flaky",
    ],
  },
];

const hasPytest = pythonHas("pytest");

test.each(examples.filter(({ framework }) => framework !== "pytest" || hasPytest))(
  "outcomes of the example for $framework are those in its own report",
  async ({ framework, given, tests }) => {
    await using site = await Site.open();
    const folder = site.path(framework);
    await cp(join(root, "examples", framework), folder, { recursive: true });
    await symlink(await realpath(join(root, "node_modules")), join(folder, "node_modules"));
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV$)/.test(name)));
    const alone = await outcomesAlone({ framework, folder, arguments: given, env }, site.path("report"));
    const { stdout, stderr } = await assay(
      ...["test", folder, "--framework", framework, "--json", "--data-dir", site.path("data"), "--", ...given],
    );
    if (!stdout.startsWith("{")) throw new Error(stderr);
    const told = JSON.parse(stdout) as {
      tests: { id: string; outcome: TestOutcome }[];
      problems: { file: string | null }[];
    };
    expect(told.tests.length).toBeGreaterThanOrEqual(tests);
    expect(differingNames(alone, outcomesTold(framework, told.tests, told.problems))).toEqual([]);
  },
);
