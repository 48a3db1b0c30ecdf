import { createHash, randomUUID } from "node:crypto";
import { closeSync, createReadStream, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { SMALL_BLOB_BYTES } from "./blob-ports.ts";
import { digestOf } from "./folder-tree.ts";
import { turns } from "./turns.ts";

/** When a blob was last used is written down so coarsely. */
const TOUCH_AFTER_MS = 24 * 60 * 60 * 1000;
const SHA256 = /^[0-9a-f]{64}$/;
/** Room is made for a while, so that not every workspace has to make some. */
const EVICT_TO = 0.8;

interface Kept {
  size: number;
  usedMs: number;
}

/**
 * Content of files by digest, in a folder that one process uses. What is read is checked, so a file that a crash left half written is as good
 * as none.
 */
export class BlobCache {
  private readonly folder: string;
  private readonly maxBytes: number;
  private readonly kept: Map<string, Kept>;
  private bytes: number;

  private constructor(folder: string, maxBytes: number, kept: Map<string, Kept>) {
    this.folder = folder;
    this.maxBytes = maxBytes;
    this.kept = kept;
    this.bytes = [...kept.values()].reduce((sum, { size }) => sum + size, 0);
  }

  static async open(folder: string, { maxBytes }: { maxBytes: number }): Promise<BlobCache> {
    await rm(join(folder, "new"), { recursive: true, force: true });
    await mkdir(join(folder, "new"), { recursive: true });
    const kept = new Map<string, Kept>();
    const turn = turns(undefined);
    for (const start of await readdir(folder)) {
      if (!/^[0-9a-f]{2}$/.test(start)) continue;
      for (const name of await readdir(join(folder, start))) {
        await turn();
        if (!SHA256.test(name)) continue;
        const { size, mtimeMs } = await stat(join(folder, start, name));
        kept.set(name, { size, usedMs: mtimeMs });
      }
    }
    return new BlobCache(folder, maxBytes, kept);
  }

  has(sha256: string): boolean {
    return this.kept.has(sha256);
  }

  /** All of a blob; undefined when it is not there. */
  read(sha256: string): Uint8Array | undefined {
    if (!this.kept.has(sha256)) return undefined;
    try {
      const bytes = readFileSync(this.pathOf(sha256));
      if (digestOf(bytes) === sha256) return bytes;
    } catch {
      // Somebody removed it.
    }
    this.forget(sha256);
    return undefined;
  }

  /** Rejects when the bytes are not what their digest says. */
  put(sha256: string, bytes: Uint8Array): void {
    if (this.kept.has(sha256)) return;
    if (digestOf(bytes) !== sha256) throw new Error(`other bytes came for ${sha256}`);
    const path = this.newPath();
    writeFileSync(path, bytes);
    mkdirSync(join(this.folder, sha256.slice(0, 2)), { recursive: true });
    renameSync(path, this.pathOf(sha256));
    this.add(sha256, bytes.length);
  }

  /** A place for a file that `adopt` takes in. */
  newPath(): string {
    return join(this.folder, "new", randomUUID());
  }

  /** Takes in a file from `newPath`, whose content has this digest. */
  async adopt(sha256: string, path: string): Promise<void> {
    const { size } = await stat(path);
    await mkdir(join(this.folder, sha256.slice(0, 2)), { recursive: true });
    await rename(path, this.pathOf(sha256));
    this.add(sha256, size);
  }

  /** Keeps a copy of a file, whose size is known. */
  async keepFile(path: string, size: number): Promise<string> {
    if (size <= SMALL_BLOB_BYTES) {
      const bytes = readFileSync(path);
      const sha256 = digestOf(bytes);
      this.put(sha256, bytes);
      return sha256;
    }
    const copy = this.newPath();
    const sha256 = await copyFile(path, copy, 0o666);
    if (this.kept.has(sha256)) await rm(copy);
    else await this.adopt(sha256, copy);
    return sha256;
  }

  /** Makes a new file of it; false when it is not there any more, or damaged. */
  async copyTo(sha256: string, path: string, executable: boolean): Promise<boolean> {
    const kept = this.kept.get(sha256);
    if (kept === undefined) return false;
    const mode = executable ? 0o777 : 0o666;
    if (kept.size <= SMALL_BLOB_BYTES) {
      const bytes = this.read(sha256);
      if (bytes === undefined) return false;
      const file = openSync(path, "wx", mode);
      try {
        writeFileSync(file, bytes);
      } finally {
        closeSync(file);
      }
    } else if ((await copyFile(this.pathOf(sha256), path, mode).catch(() => undefined)) !== sha256) {
      await rm(path, { force: true });
      this.forget(sha256);
      return false;
    }
    await this.touch(sha256, kept);
    return true;
  }

  /** What was not used for the longest time goes, until there is room again. Nothing may be in the middle of using it. */
  async evict(): Promise<void> {
    if (this.bytes <= this.maxBytes) return;
    const oldest = [...this.kept].sort(([, a], [, b]) => a.usedMs - b.usedMs);
    for (const [sha256] of oldest) {
      if (this.bytes <= this.maxBytes * EVICT_TO) return;
      await rm(this.pathOf(sha256), { force: true });
      this.forget(sha256);
    }
  }

  private async touch(sha256: string, kept: Kept): Promise<void> {
    const nowMs = Date.now();
    const before = kept.usedMs;
    kept.usedMs = nowMs;
    if (nowMs - before > TOUCH_AFTER_MS) await utimes(this.pathOf(sha256), nowMs / 1000, nowMs / 1000).catch(() => {});
  }

  private add(sha256: string, size: number): void {
    this.forget(sha256);
    this.kept.set(sha256, { size, usedMs: Date.now() });
    this.bytes += size;
  }

  private forget(sha256: string): void {
    this.bytes -= this.kept.get(sha256)?.size ?? 0;
    this.kept.delete(sha256);
  }

  private pathOf(sha256: string): string {
    return join(this.folder, sha256.slice(0, 2), sha256);
  }
}

/** Copies a file into a new one and gives the digest of what it copied. */
async function copyFile(from: string, to: string, mode: number): Promise<string> {
  const hash = createHash("sha256");
  await using target = await open(to, "wx", mode);
  for await (const chunk of createReadStream(from)) {
    hash.update(chunk as Buffer);
    await target.writeFile(chunk as Buffer);
  }
  return hash.digest("hex");
}
