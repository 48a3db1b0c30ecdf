import { fileURLToPath } from "node:url";
import { errorMessage } from "../../base/index.ts";
import { eventLines, findPython } from "../../frameworks/index.ts";
import type { FrameworkPlace } from "../../frameworks/index.ts";
import { noFacts } from "./source-facts.ts";
import type { SourceFacts } from "./source-facts.ts";

const program = fileURLToPath(new URL("./python_facts.py", import.meta.url));

/** What stands in files of Python, read by Python's own parser in one process; why not, where there is none. */
export async function pythonFacts(
  paths: readonly string[],
  place: Pick<FrameworkPlace, "folder" | "starter">,
): Promise<Map<string, SourceFacts>> {
  if (paths.length === 0) return new Map();
  try {
    const { executable } = await findPython("ast", place);
    // Its own folder must not come before the modules of Python.
    const child = await place.starter.start([executable, "-I", program], { cwd: place.folder });
    child.commands.end(paths.map((path) => `${JSON.stringify(path)}\n`).join(""));
    const found = new Map<string, SourceFacts>();
    for await (const answer of eventLines(child.events)) {
      const { path, facts } = answer as { path: string; facts: Partial<SourceFacts> };
      found.set(path, { ...noFacts(), ...facts });
    }
    await child.exited;
    return withMissing(paths, found, "its parser told nothing of it");
  } catch (error) {
    return withMissing(paths, new Map(), errorMessage(error));
  }
}

function withMissing(paths: readonly string[], found: Map<string, SourceFacts>, why: string): Map<string, SourceFacts> {
  for (const path of paths) if (!found.has(path)) found.set(path, noFacts({ line: 1, message: why }));
  return found;
}
