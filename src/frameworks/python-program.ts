import { delimiter, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { FrameworkName } from "../contracts/index.ts";
import type { Discovery, FrameworkPlace } from "./framework.ts";
import { listTests } from "./runner-program.ts";
import type { RunnerProgram } from "./runner-program.ts";

const common = dirname(fileURLToPath(new URL("./python/assay_common.py", import.meta.url)));

export interface PythonParts {
  framework: FrameworkName;
  /** The folder of its file. */
  folder: string;
  /** What is run, without the program's settings, which are in the environment. */
  command: readonly string[];
  byHand: string;
}

/** A program of ours in Python. Only its environment tells that it is there, and it takes that away itself. */
export function pythonProgram({ framework, folder, command, byHand }: PythonParts): RunnerProgram {
  return {
    framework,
    byHand,
    start({ folder: cwd, starter }, task) {
      const paths = [folder, common, starter.env["PYTHONPATH"] ?? ""].filter((path) => path !== "");
      const env = { PYTHONPATH: paths.join(delimiter), ASSAY_TESTS: JSON.stringify({ ...task, folder }) };
      return starter.start(command, { cwd, env });
    },
  };
}

/** Asks a program for the tests. */
export async function listPython(program: RunnerProgram, place: FrameworkPlace): Promise<Discovery> {
  const { version, tests, problems, done, error } = await listTests(program, place);
  // A framework that gives up at the first file that it cannot read has still said what it could not read.
  if (!done && problems.length === 0) throw await error();
  return { framework: program.framework, version, tests, problems };
}
