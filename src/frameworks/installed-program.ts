import { AssayError } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { FrameworkPlace } from "./framework.ts";

export interface ProgramQuestion {
  /** Makes the program say its version, e.g. `go version`. */
  command: readonly string[];
  /** Its first group is the version. */
  answer: RegExp;
  /** How to get it. */
  next: string;
}

/** The version of a program on the PATH. Throws framework_missing. */
export async function programVersion(
  { command, answer, next }: ProgramQuestion,
  { folder, starter }: Pick<FrameworkPlace, "folder" | "starter">,
): Promise<string> {
  const missing = (why: string): Error =>
    assayError("framework_missing", `${command[0]} is not installed: ${why}`, { next });
  const child = await starter.start(command, { cwd: folder }).catch((error: unknown) => {
    throw error instanceof AssayError ? missing(error.message) : error;
  });
  await child.exited;
  const said = await child.tail();
  const [, version] = answer.exec(said) ?? [];
  if (version === undefined) throw missing(`\`${command.join(" ")}\` said ${said.trim().slice(-500) || "nothing"}`);
  return version;
}
