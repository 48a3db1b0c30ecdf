import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { pack, unpack } from "msgpackr";

import { errorCode } from "../../base/index.ts";
import { sameBytes } from "../batch.ts";
import type { Snapshot } from "../journal.ts";
import { SNAPSHOTS_KEPT } from "../snapshot-rules.ts";
import { storageError } from "./storage-error.ts";
import { syncFolder } from "./sync-folder.ts";

/**
 * A file is: magic (8 bytes), length of the head (4 bytes, big-endian), the head in MessagePack, the state, and SHA-256
 * over all of that (32 bytes).
 */
const MAGIC = Buffer.from("ASSAYSN1", "latin1");
const PREFIX_BYTES = MAGIC.length + 4;
const DIGEST_BYTES = 32;

type Head = Omit<Snapshot, "state">;

/** The snapshots of one journal: `<batchSeq>.snap`, the newest few. Leader and follower may both use it. */
export class SnapshotFolder {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Durable once it settles: a crash before leaves no file of that name. */
  async save(snapshot: Snapshot): Promise<void> {
    const path = join(this.folder, `${snapshot.batchSeq}.snap`);
    try {
      await mkdir(this.folder, { recursive: true });
      await writeDurably(`${path}.tmp`, encode(snapshot));
      await rename(`${path}.tmp`, path);
      syncFolder(this.folder);
      await this.prune();
    } catch (error) {
      throw storageError(`The snapshot ${path} cannot be written`, error);
    }
  }

  /** The newest one whose digest matches; a broken one is passed over. */
  async latest(): Promise<Snapshot | null> {
    for (const seq of await this.saved()) {
      const snapshot = await this.load(seq);
      if (snapshot !== null) return snapshot;
    }
    return null;
  }

  private async load(seq: number): Promise<Snapshot | null> {
    const path = join(this.folder, `${seq}.snap`);
    try {
      return decode(await readFile(path));
    } catch (error) {
      // Pruned since it was listed.
      if (errorCode(error) === "ENOENT") return null;
      throw storageError(`The snapshot ${path} cannot be read`, error);
    }
  }

  /** Newest first. */
  private async saved(): Promise<number[]> {
    const seqs = (await this.names()).map((name) => /^(\d+)\.snap$/.exec(name)?.[1]).filter((seq) => seq !== undefined);
    return seqs.map(Number).toSorted((a, b) => b - a);
  }

  private async names(): Promise<string[]> {
    try {
      return await readdir(this.folder);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw storageError(`The folder ${this.folder} cannot be read`, error);
    }
  }

  /** Removes all but the newest, and what a crash left of older ones. */
  private async prune(): Promise<void> {
    const oldestKept = (await this.saved())[SNAPSHOTS_KEPT - 1];
    if (oldestKept === undefined) return;
    const stale = (await this.names()).filter(
      (name) => Number(/^(\d+)\.snap(?:\.tmp)?$/.exec(name)?.[1] ?? Infinity) < oldestKept,
    );
    await Promise.all(stale.map((name) => rm(join(this.folder, name), { force: true })));
  }
}

async function writeDurably(path: string, parts: Uint8Array[]): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
}

function encode(snapshot: Snapshot): Uint8Array[] {
  const { state, ...head }: { state: Uint8Array } & Head = snapshot;
  const packed = pack(head);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  MAGIC.copy(prefix);
  prefix.writeUInt32BE(packed.length, MAGIC.length);
  const digest = createHash("sha256").update(prefix).update(packed).update(state).digest();
  return [prefix, packed, state, digest];
}

function decode(file: Buffer): Snapshot | null {
  const end = file.length - DIGEST_BYTES;
  if (end < PREFIX_BYTES || !sameBytes(file.subarray(0, MAGIC.length), MAGIC)) return null;
  const content = file.subarray(0, end);
  if (!sameBytes(createHash("sha256").update(content).digest(), file.subarray(end))) return null;
  const stateStart = PREFIX_BYTES + content.readUInt32BE(MAGIC.length);
  // The digest matched, so the head is as `encode` wrote it.
  const head = unpack(content.subarray(PREFIX_BYTES, stateStart)) as Head;
  return { ...head, state: content.subarray(stateStart) };
}
