import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { systemClock } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import { isBusy } from "./storage-error.ts";

/**
 * The right to write in a folder. It is a lock of the kernel on `lock.sqlite`, taken through SQLite because Node has no
 * portable one: it is gone the moment the process is. `lock.json` beside it only says who holds it.
 * Nothing else may open `lock.sqlite` or the journal's files in this process: on POSIX, closing any handle frees the lock.
 */
export class FolderLock {
  private readonly database: DatabaseSync;
  private readonly notePath: string;

  /** Throws AssayError `data_dir_locked` that names the holder. */
  constructor(folder: string) {
    this.notePath = join(folder, "lock.json");
    this.database = new DatabaseSync(join(folder, "lock.sqlite"), { timeout: 0 });
    try {
      this.database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    } catch (error) {
      this.database.close();
      throw isBusy(error) ? lockedError(folder, this.notePath) : error;
    }
    writeNote(this.notePath);
  }

  release(): void {
    rmSync(this.notePath, { force: true });
    this.database.close();
  }
}

function writeNote(path: string): void {
  const since = new Date(systemClock.nowMs()).toISOString();
  writeFileSync(`${path}.tmp`, JSON.stringify({ pid: process.pid, host: hostname(), since }));
  renameSync(`${path}.tmp`, path);
}

function lockedError(folder: string, notePath: string): Error {
  return assayError("data_dir_locked", `${folder} is in use by ${holder(notePath)}.`);
}

function holder(notePath: string): string {
  try {
    const note: unknown = JSON.parse(readFileSync(notePath, "utf8"));
    const { pid, host, since } = note as { pid: number; host: string; since: string };
    return `process ${pid} on ${host} since ${since}`;
  } catch {
    // The holder has the lock and has not written its note yet.
    return "another process";
  }
}
