import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** A file with this name in the folder says that all files before it belong together. */
export const READY_MARKER = ".ready";
/** Files being written: they are not part of a checkpoint. */
export const UNFINISHED_SUFFIX = ".tmp";

/** The files of a checkpoint as they are now. */
export interface CheckpointListing {
  files: number;
  bytes: number;
  /** Differs when anything was written, renamed or removed. */
  fingerprint: string;
  /** With a marker: whether nothing changed after it. Undefined without a marker. */
  ready: boolean | undefined;
}

interface Entry {
  path: string;
  bytes: number;
  /** When content or name last changed. */
  changedNs: bigint;
  text: string;
}

/** @throws when the folder is gone, is a link, or changes so much that it cannot be listed */
export async function listCheckpoint(folder: string): Promise<CheckpointListing> {
  if (!(await lstat(folder)).isDirectory()) throw new Error("it is not a folder");
  const entries = await entriesOf(folder, "");
  const marker = entries.find(({ path }) => path === READY_MARKER);
  const content = entries.filter((entry) => entry !== marker);
  return {
    files: content.length,
    bytes: content.reduce((total, { bytes }) => total + bytes, 0),
    fingerprint: entries.map(({ text }) => text).join("\n"),
    ready: marker && content.every(({ changedNs }) => changedNs <= marker.changedNs),
  };
}

async function entriesOf(root: string, below: string): Promise<Entry[]> {
  const found: Dirent[] = await readdir(join(root, below), { withFileTypes: true });
  const entries: Entry[] = [];
  for (const entry of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(below, entry.name);
    if (entry.name.endsWith(UNFINISHED_SUFFIX)) continue;
    if (entry.isDirectory()) {
      entries.push(...(await entriesOf(root, path)));
      continue;
    }
    const { size, ino, mtimeNs, ctimeNs } = await lstat(join(root, path), { bigint: true });
    entries.push({
      path,
      bytes: Number(size),
      changedNs: ctimeNs,
      text: JSON.stringify([path, `${size} ${ino} ${mtimeNs} ${ctimeNs}`]),
    });
  }
  return entries;
}
