import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { assayError } from "../../../contracts/index.ts";
import { programsOnPath } from "../programs-on-path.ts";
import type { Environment } from "../programs-on-path.ts";

/** Ends with 0 where PyTorch is installed, without loading it, which takes seconds. */
const HAS_TORCH = "import importlib.util, sys; sys.exit(0 if importlib.util.find_spec('torch') else 3)";
const ANSWER_LIMIT_MS = 30_000;

/** The path of a Python that has PyTorch: of the virtual environment, or the first on the PATH. Throws `dependency_missing`. */
export async function findPython(env: Environment): Promise<string> {
  const tried = new Map<string, string>();
  for (const python of pythons(env)) {
    if (tried.has(python)) continue;
    const problem = await problemOf(python, env);
    if (problem === undefined) return python;
    tried.set(python, problem);
  }
  const found = [...tried].map(([python, problem]) => `${python} ${problem}`).join(", ");
  throw assayError(
    "dependency_missing",
    `PyTorch is not installed: ${found === "" ? "no python3 is on the PATH" : found}`,
    {
      next: "Install PyTorch (`pip install torch`) for the python3 on the worker's PATH, or set VIRTUAL_ENV to where it is.",
    },
  );
}

function pythons(env: Environment): string[] {
  const environment = env["VIRTUAL_ENV"];
  const windows = process.platform === "win32";
  const active = windows ? ["Scripts", "python.exe"] : ["bin", "python3"];
  const names = windows ? ["python.exe"] : ["python3"];
  return programsOnPath([...(environment === undefined ? [] : [join(environment, ...active)]), ...names], env);
}

async function problemOf(python: string, env: Environment): Promise<string | undefined> {
  try {
    await promisify(execFile)(python, ["-c", HAS_TORCH], { env, timeout: ANSWER_LIMIT_MS });
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code === 3 ? "has no torch" : "does not start";
  }
}
