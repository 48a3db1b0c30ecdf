import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";

/**
 * The error code with which the system would refuse to start a program; undefined when it would not. Asked beforehand where a
 * helper starts the program, whose own words for a missing one cannot be told from the program's.
 */
export async function programFault(
  program: string,
  { cwd, path }: { cwd: string; path: string },
): Promise<"ENOENT" | "EACCES" | undefined> {
  const named = program.includes("/") ? [program] : path.split(delimiter).map((folder) => join(folder || ".", program));
  let fault: "ENOENT" | "EACCES" = "ENOENT";
  for (const candidate of named) {
    const file = resolve(cwd, candidate);
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) continue;
    if (found.isFile() && (await isExecutable(file))) return undefined;
    fault = "EACCES";
  }
  return fault;
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
