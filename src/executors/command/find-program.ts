import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";

/**
 * Where the system would find a program, or its error code: ENOENT, EACCES. Asked beforehand where a helper starts the program,
 * whose own words for a missing one cannot be told from the program's.
 */
export async function findProgram(
  program: string,
  { cwd, path }: { cwd: string; path: string },
): Promise<{ file: string } | { code: "ENOENT" | "EACCES" }> {
  const named = program.includes("/") ? [program] : path.split(delimiter).map((folder) => join(folder || ".", program));
  let code: "ENOENT" | "EACCES" = "ENOENT";
  for (const candidate of named) {
    const file = resolve(cwd, candidate);
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) continue;
    if (found.isFile() && (await isExecutable(file))) return { file };
    code = "EACCES";
  }
  return { code };
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
