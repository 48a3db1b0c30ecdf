import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { AssayError } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { eventLines } from "./event-lines.ts";
import type { FrameworkPlace } from "./framework.ts";

export interface Python {
  executable: string;
  version: string;
  /** Of the module that was looked for, as its package tells it; null for one of Python's own. */
  moduleVersion: string | null;
}

/** Says what it is, without loading the module, and nothing when it lacks the module. */
const INTRODUCE = `import sys
# A file of the project must not be taken for the module.
sys.path = [path for path in sys.path if path]
import importlib.util, json, os, platform
if importlib.util.find_spec(sys.argv[1]):
    from importlib import metadata
    try:
        version = metadata.version(sys.argv[1])
    except metadata.PackageNotFoundError:
        version = None
    answer = {"executable": sys.executable, "version": platform.python_version(), "moduleVersion": version}
    os.write(3, json.dumps(answer).encode() + b"\\n")
`;

/** Those that were found: asking takes as long as starting Python does. */
const known = new Map<string, Python>();

/**
 * A Python that has a module: of the active virtual environment, of that in the folder, or the first on the PATH. Throws
 * `framework_missing`.
 */
export async function findPython(module: string, place: Pick<FrameworkPlace, "folder" | "starter">): Promise<Python> {
  const tried: string[] = [];
  const key = JSON.stringify([module, candidates(place), place.starter.env["PATH"]]);
  const before = known.get(key);
  if (before !== undefined && isExecutable(before.executable)) return before;
  for (const candidate of candidates(place)) {
    try {
      const found = await introduced(candidate, module, place);
      if (found !== undefined) {
        known.set(key, found);
        return found;
      }
      tried.push(`${candidate} has no ${module}`);
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      tried.push(`there is no ${candidate} on the PATH`);
    }
  }
  throw assayError("framework_missing", `${module} is not installed: ${tried.join(", ")}`, {
    next: `Install it with \`${candidates(place)[0]} -m pip install ${module}\`, or put the environment that has it into .venv or VIRTUAL_ENV.`,
  });
}

function candidates({ folder, starter }: Pick<FrameworkPlace, "folder" | "starter">): string[] {
  const windows = process.platform === "win32";
  const inside = windows ? ["Scripts", "python.exe"] : ["bin", "python3"];
  const active = starter.env["VIRTUAL_ENV"];
  const environments = [...(active === undefined ? [] : [active]), join(folder, ".venv")];
  return [
    ...environments.map((environment) => join(environment, ...inside)).filter(isExecutable),
    windows ? "python.exe" : "python3",
  ];
}

async function introduced(
  python: string,
  module: string,
  { folder, starter }: Pick<FrameworkPlace, "folder" | "starter">,
): Promise<Python | undefined> {
  const child = await starter.start([python, "-c", INTRODUCE, module], { cwd: folder });
  let found: Python | undefined;
  for await (const answer of eventLines(child.events)) found = answer as Python;
  await child.exited;
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
