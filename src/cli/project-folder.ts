import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { checkOut, gitAddress } from "../workspace/index.ts";
import type { CliContext, Screen } from "./context.ts";

/** Where a project is on this machine while a command runs. */
export interface ProjectFolder extends AsyncDisposable {
  path: string;
  /** As people know it. */
  shown: string;
  /** It came to this machine for this command, and nothing in it is prepared. */
  isNew: boolean;
}

/** The folder that is named, or one with the revision of a repository that is named. Errors: unknown_revision, dependency_missing. */
export async function projectFolder(
  name: string,
  { context, screen }: { context: CliContext; screen: Screen },
): Promise<ProjectFolder> {
  const address = gitAddress(name);
  if (address === undefined) {
    const path = resolve(context.cwd, name);
    return { path, shown: path, isNew: false, [Symbol.asyncDispose]: async () => {} };
  }
  const path = await mkdtemp(join(tmpdir(), "assay-git-"));
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true });
  try {
    screen.info(`getting ${address.ref ?? "the head"} of ${address.url}`);
    await checkOut(address, path, { env: context.env, signal: context.interrupts.signal });
    return { path, shown: address.name, isNew: true, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
