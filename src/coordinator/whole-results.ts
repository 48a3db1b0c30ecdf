import { rename, rm } from "node:fs/promises";
import { errorCode } from "../base/index.ts";
import type { JournalReader } from "../journal/index.ts";
import { openResults } from "../results/index.ts";
import type { Results } from "../results/index.ts";

/**
 * Opens the results for writing. A file that nobody can read is set aside as `.broken` while the journal holds everything: the
 * follower then makes the rows again. Otherwise it throws what `openResults` throws: old rows are nowhere else.
 */
export async function openWholeResults(
  path: string,
  { journal, onBroken }: { journal: Pick<JournalReader, "firstSeq">; onBroken: (error: unknown) => void },
): Promise<Results> {
  try {
    return await openResults({ path });
  } catch (error) {
    if (errorCode(error) !== "results_broken" || (await journal.firstSeq()) > 1) throw error;
    onBroken(error);
    await setAside(path);
    await setAside(`${path}.wal`);
    return openResults({ path });
  }
}

async function setAside(path: string): Promise<void> {
  await rm(`${path}.broken`, { force: true });
  await rename(path, `${path}.broken`).catch((error: unknown) => {
    if (errorCode(error) !== "ENOENT") throw error;
  });
}
