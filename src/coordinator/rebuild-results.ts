import { rename, rm } from "node:fs/promises";
import { assayError } from "../contracts/index.ts";
import { openSqliteJournal } from "../journal/index.ts";
import { openResults } from "../results/index.ts";
import { dataFolder } from "./data-folder.ts";
import { placedEvents } from "./recent-events.ts";

const READ_BATCHES = 64;
const FLUSH_EVENTS = 50_000;

/**
 * Makes the results of a stopped coordinator anew from its journal, in a file of their own that takes the old one's place only
 * when it is whole. Errors: `data_dir_locked` while a coordinator runs there, `journal_broken`, `conflict` when the journal was
 * trimmed and what came before is in the old results only.
 */
export async function rebuildResults(dataDir: string): Promise<{ events: number; batches: number }> {
  const folder = dataFolder(dataDir);
  const journal = await openSqliteJournal({ folder: folder.journal });
  const path = `${folder.results}.rebuilt`;
  try {
    await journal.open();
    const first = await journal.firstSeq();
    if (first > 1) {
      const message = `The journal begins at batch ${first}; rows of what came before cannot be made again.`;
      throw assayError("conflict", message, { next: "Keep the results as they are." });
    }
    await remove(path);
    const results = await openResults({ path });
    for (let next = 1; ;) {
      const batches = await journal.read(next, READ_BATCHES);
      for (const batch of batches) results.apply(placedEvents(batch), batch.seq);
      next += batches.length;
      if (results.pending() >= FLUSH_EVENTS) await results.flush();
      if (batches.length < READ_BATCHES) break;
    }
    await results.flush();
    const { eventSeq: events, batchSeq: batches } = results.applied();
    await results.close();
    await remove(`${folder.results}.wal`);
    await rename(path, folder.results);
    return { events, batches };
  } finally {
    await journal.close();
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(`${path}.wal`, { force: true });
}
