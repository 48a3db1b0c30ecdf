import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPython } from "../find-python.ts";
import type { Clue, Discovery, Framework, FrameworkPlace, SessionOptions, TestSession } from "../framework.ts";
import { listPython, pythonProgram } from "../python-program.ts";
import type { RunnerProgram } from "../runner-program.ts";
import { RunnerSession } from "../runner-session.ts";
import { markTests } from "./mark-tests.ts";

/** Settings that only pytest has, by file. */
const SETTINGS: readonly (readonly [string, RegExp])[] = [
  ["pytest.ini", /^/],
  [".pytest.ini", /^/],
  ["pyproject.toml", /^\[tool\.pytest(\.ini_options)?\]/m],
  ["tox.ini", /^\[pytest\]/m],
  ["setup.cfg", /^\[tool:pytest\]/m],
  ["conftest.py", /^/],
  ["tests/conftest.py", /^/],
  ["test/conftest.py", /^/],
];

const folder = dirname(fileURLToPath(new URL("./assay_pytest.py", import.meta.url)));

export const pytest: Framework = {
  name: "pytest",
  clue,
  async installed(place) {
    const found = await findPython("pytest", place).catch(() => undefined);
    if (found === undefined) return {};
    return { python: found.version, ...(found.moduleVersion === null ? {} : { pytest: found.moduleVersion }) };
  },
  async discover(place: FrameworkPlace): Promise<Discovery> {
    const program = await pytestProgram(place, ["--collect-only", "-qq"]);
    return listPython(program, place);
  },
  reproduce: ({ id }) => ["python3", "-m", "pytest", id],
  mark: markTests,
  async open(options: SessionOptions): Promise<TestSession> {
    const program = await pytestProgram(options, []);
    return RunnerSession.open(program, options);
  },
};

async function clue(root: string): Promise<Clue | null> {
  for (const [file, pattern] of SETTINGS) {
    const text = await readFile(join(root, file), "utf8").catch(() => undefined);
    if (text === undefined || !pattern.test(text)) continue;
    return { file, reason: `${file} ${file.endsWith("conftest.py") ? "holds fixtures" : "has settings"} of pytest` };
  }
  return null;
}

async function pytestProgram(place: FrameworkPlace, also: readonly string[]): Promise<RunnerProgram> {
  const { executable } = await findPython("pytest", place);
  // A bar of progress would count the tests of one batch against those of another.
  const own = ["-p", "assay_pytest", "-o", "console_output_style=classic", ...also];
  const command = [executable, "-m", "pytest", ...own, ...place.arguments];
  const byHand = ["python3 -m pytest --collect-only", ...place.arguments].join(" ");
  return pythonProgram({ framework: "pytest", folder, command, byHand });
}
