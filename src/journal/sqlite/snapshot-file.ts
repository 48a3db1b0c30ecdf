import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";

import { pack, unpack } from "msgpackr";

import { sameBytes } from "../batch.ts";
import type { Snapshot, StoredSnapshot } from "../journal.ts";

/**
 * A file is: magic (8 bytes), then blocks, each behind its length (4 bytes, big-endian): the head in MessagePack, the parts of
 * the state in UTF-8, an empty one for their end; then SHA-256 over all of that (32 bytes).
 */
const MAGIC = Buffer.from("ASSAYSN2", "latin1");
const LENGTH_BYTES = 4;
const DIGEST_BYTES = 32;
const END = Buffer.alloc(0);
const READ_BYTES = 1024 * 1024;

/** Writes a file that is safe on the disk when it settles. Parts are taken as they are written. */
export async function writeSnapshotFile(path: string, snapshot: Snapshot, parts: Iterable<string>): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    const digest = createHash("sha256");
    const write = async (bytes: Uint8Array): Promise<void> => {
      digest.update(bytes);
      await file.writeFile(bytes);
    };
    const writeBlock = async (content: Uint8Array): Promise<void> => {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(content.length);
      await write(length);
      await write(content);
    };
    await write(MAGIC);
    await writeBlock(pack(snapshot));
    // An empty part would read as the end.
    for (const part of parts) if (part !== "") await writeBlock(Buffer.from(part, "utf8"));
    await writeBlock(END);
    await file.writeFile(digest.digest());
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The snapshot in a file, null when it is not whole. Throws what the file system throws. */
export async function readSnapshotFile(path: string): Promise<StoredSnapshot | null> {
  const file = await open(path);
  try {
    if (!(await isWhole(file))) return null;
    // The digest matched, so all is as `writeSnapshotFile` wrote it.
    const { content, next } = await readBlock(file, MAGIC.length);
    return { ...(unpack(content) as Snapshot), parts: () => readParts(path, next) };
  } finally {
    await file.close();
  }
}

async function isWhole(file: FileHandle): Promise<boolean> {
  const end = (await file.stat()).size - DIGEST_BYTES;
  if (end < MAGIC.length || !sameBytes(await readAt(file, 0, MAGIC.length), MAGIC)) return false;
  const digest = createHash("sha256");
  for (let at = 0; at < end; at += READ_BYTES) digest.update(await readAt(file, at, Math.min(READ_BYTES, end - at)));
  return sameBytes(digest.digest(), await readAt(file, end, DIGEST_BYTES));
}

async function* readParts(path: string, from: number): AsyncGenerator<string, void> {
  const file = await open(path);
  try {
    for (let at = from; ;) {
      const { content, next } = await readBlock(file, at);
      if (content.length === 0) return;
      yield content.toString("utf8");
      at = next;
    }
  } finally {
    await file.close();
  }
}

async function readBlock(file: FileHandle, at: number): Promise<{ content: Buffer; next: number }> {
  const length = (await readAt(file, at, LENGTH_BYTES)).readUInt32BE();
  const start = at + LENGTH_BYTES;
  return { content: await readAt(file, start, length), next: start + length };
}

/** So many bytes; fewer at the end of the file. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
