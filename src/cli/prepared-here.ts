import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { assayError } from "../contracts/index.ts";
import type { FrameworkName, Project } from "../contracts/index.ts";
import { defaultSetup, findSuites } from "../planner/index.ts";
import type { CliContext, Screen } from "./context.ts";

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const SHOWN_TAIL = 2_000;

/**
 * Runs the set-up steps of a project that has just come to this machine: a framework can only list its tests when it is installed. Gives
 * patterns of what they made, which is no part of the project. Errors: setup_step_failed, interrupted.
 */
export async function prepareHere(
  { folder, project, only }: { folder: string; project: Project; only: readonly FrameworkName[] },
  { context, screen }: { context: CliContext; screen: Screen },
): Promise<string[]> {
  const made: string[] = [];
  const has = (path: string): boolean => existsSync(join(folder, path));
  for (const { suite } of await findSuites(folder, project, only)) {
    const steps = suite.setup ?? (await defaultSetup(suite, { folder, has })).steps;
    for (const { run, outputs } of steps) {
      screen.info(`to list the tests: ${run}`);
      await runHere(run, join(folder, suite.directory), context);
      made.push(...outputs.map((path) => `/${suite.directory}/${path}`.replace("/./", "/")));
    }
  }
  return made;
}

async function runHere(line: string, cwd: string, { env, interrupts }: CliContext): Promise<void> {
  const options = { cwd, env: { ...env }, maxBuffer: MAX_OUTPUT_BYTES, signal: interrupts.signal };
  try {
    await promisify(execFile)("/bin/sh", ["-c", line], options);
  } catch (error) {
    if (interrupts.signal.aborted) throw assayError("interrupted", `interrupted while ${line} ran`, { cause: error });
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    const said = `${stdout}${stderr}`.trim().slice(-SHOWN_TAIL);
    throw assayError("setup_step_failed", `${line} failed on this machine, where the tests are to be listed: ${said}`, {
      next: "Run the same line by hand in a copy of the repository.",
      cause: error,
    });
  }
}
