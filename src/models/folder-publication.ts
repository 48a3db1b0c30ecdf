import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Makes a folder appear complete or not at all: `write` fills a temporary folder beside it, one rename puts it in place. When two
 * processes do so at once, the first one's folder stays and the other's is thrown away. Does nothing when the folder exists.
 */
export async function publishFolder(target: string, write: (folder: string) => Promise<void>): Promise<void> {
  if (existsSync(target)) return;
  await mkdir(dirname(target), { recursive: true });
  const draft = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  try {
    await write(draft);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // A folder that is not empty refuses to be replaced: the other process was faster.
    if (!existsSync(target)) throw error;
  }
}
