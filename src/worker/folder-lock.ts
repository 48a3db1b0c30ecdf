import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";

/** SQLite's code for a database that another connection holds. */
const SQLITE_BUSY = 5;

export interface FolderLock {
  release(): void;
}

/**
 * Takes a folder for this process until it is released or the process ends, however it ends. Node has no file locks of its own,
 * so the lock is an SQLite database that is held open exclusively: the system frees it with the process.
 *
 * @throws AssayError `data_dir_locked` when another worker has it, `data_dir_read_only` when it cannot be written
 */
export function lockFolder(folder: string): FolderLock {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
  } catch (error) {
    database?.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) {
      throw assayError("data_dir_locked", `another worker uses the data folder ${folder}`, {
        next: "Stop it, or give this worker a data folder of its own.",
        cause: error,
      });
    }
    throw assayError("data_dir_read_only", `the data folder ${folder} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  return { release: () => database.close() };
}
