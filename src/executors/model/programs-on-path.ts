import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A program's surroundings, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The executables of these names, in the order of the names and then of the PATH. A name with a folder in it is a path. */
export function programsOnPath(names: readonly string[], env: Environment): string[] {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return names
    .flatMap((name) => (/[\\/]/.test(name) ? [name] : folders.map((folder) => join(folder, name))))
    .filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
