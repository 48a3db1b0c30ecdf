import { createHash, randomUUID } from "node:crypto";
import type { Stats } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode, inParallel } from "../../base/index.ts";
import type { Clock } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { BatchedBlob } from "../../contracts/index.ts";
import type { BlobStore, ByteRange, OpenBlob, StoredBlob } from "./blob-store.ts";
import { storageError } from "./storage-error.ts";

const SHA256 = /^[0-9a-f]{64}$/;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Small blobs that are written at a time: enough that a disk syncs several at once. */
const PARALLEL_BLOBS = 16;
/** A temporary file that nobody wrote to for so long belongs to a process that is gone. */
const STALE_AFTER_MS = 60 * 60 * 1000;

/**
 * Opens the blobs in a folder, making it if needed, and removes what interrupted uploads left behind. Several processes may
 * use one folder. Layout: `ab/abcdef…` (the first two digits, then all of the digest) and `tmp/` for uploads under way.
 *
 * @throws AssayError `disk_full`, `data_dir_read_only`
 */
export async function openFolderBlobStore(root: string, clock: Clock): Promise<BlobStore> {
  const store = new FolderBlobStore(root);
  await store.prepare(clock.nowMs());
  return store;
}

type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

interface Expected {
  expectedSha256: string;
  maxBytes: number;
}

interface Placed {
  sizeBytes: number;
  folder: string;
  /** The folder was not there before. */
  isNew: boolean;
}

class FolderBlobStore implements BlobStore {
  private readonly root: string;
  private readonly uploads: string;

  constructor(root: string) {
    this.root = root;
    this.uploads = join(root, "tmp");
  }

  async prepare(nowMs: number): Promise<void> {
    try {
      await mkdir(this.uploads, { recursive: true, mode: FOLDER_MODE });
      for (const name of await readdir(this.uploads)) {
        const path = join(this.uploads, name);
        const info = await statExisting(path);
        if (info !== null && nowMs - info.mtimeMs > STALE_AFTER_MS) await rm(path, { force: true });
      }
    } catch (error) {
      throw storageError(error, this.root);
    }
  }

  async put(
    expectedSha256: string,
    content: AsyncIterable<Uint8Array>,
    limits: { maxBytes: number },
  ): Promise<StoredBlob> {
    const path = this.pathOf(expectedSha256);
    const known = await this.sizeOf(expectedSha256);
    if (known !== null) return { sha256: expectedSha256, sizeBytes: known };
    try {
      const { sizeBytes, folder, isNew } = await this.place(path, content, { expectedSha256, ...limits });
      // A name is as durable as the folder that has it: a new folder's is in the one above.
      await syncFolder(folder);
      if (isNew) await syncFolder(this.root);
      return { sha256: expectedSha256, sizeBytes };
    } catch (error) {
      throw storageError(error, this.root);
    }
  }

  async putAll(blobs: AsyncIterable<BatchedBlob> | Iterable<BatchedBlob>): Promise<number> {
    // Also those of blobs that are there: whoever put them may not have come so far yet.
    const folders = new Set([this.root]);
    let stored = 0;
    try {
      await inParallel(blobs, PARALLEL_BLOBS, async ({ sha256, bytes }) => {
        const path = this.pathOf(sha256);
        folders.add(dirname(path));
        if (!(await this.has(sha256)))
          await this.place(path, [bytes], { expectedSha256: sha256, maxBytes: bytes.length });
        stored += 1;
      });
      await inParallel(folders, PARALLEL_BLOBS, syncFolder);
    } catch (error) {
      throw storageError(error, this.root);
    }
    return stored;
  }

  async readSmall(sha256: string, maxBytes: number): Promise<Uint8Array | null> {
    await using file = await openExisting(this.pathOf(sha256));
    if (file === null || (await file.stat()).size > maxBytes) return null;
    return await file.readFile();
  }

  async openRead(sha256: string, range?: ByteRange): Promise<OpenBlob | null> {
    const file = await openExisting(this.pathOf(sha256));
    if (file === null) return null;
    const { size } = await file.stat();
    const bounds = range === undefined ? {} : { start: range.first, end: range.last };
    return { sizeBytes: size, content: file.createReadStream(bounds) };
  }

  async has(sha256: string): Promise<boolean> {
    return (await this.sizeOf(sha256)) !== null;
  }

  async sizeOf(sha256: string): Promise<number | null> {
    return (await statExisting(this.pathOf(sha256)))?.size ?? null;
  }

  /** The only way from a digest to a path: nothing but 64 hexadecimal digits ever becomes part of one. */
  private pathOf(sha256: string): string {
    if (!SHA256.test(sha256)) {
      throw assayError(
        "invalid_field",
        `${JSON.stringify(sha256.slice(0, 80))} is not a SHA-256 in lower-case hexadecimal`,
        { path: "sha256" },
      );
    }
    return join(this.root, sha256.slice(0, 2), sha256);
  }

  /** Puts a blob in its place, its bytes durable, its name not yet; on an error nothing is left. */
  private async place(path: string, content: Content, expected: Expected): Promise<Placed> {
    const upload = join(this.uploads, randomUUID());
    try {
      const sizeBytes = await receive(upload, content, expected);
      const folder = dirname(path);
      const made = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
      await rename(upload, path);
      return { sizeBytes, folder, isNew: made !== undefined };
    } catch (error) {
      await rm(upload, { force: true });
      throw error;
    }
  }
}

async function receive(upload: string, content: Content, expected: Expected): Promise<number> {
  await using file = await open(upload, "wx", FILE_MODE);
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of content) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > expected.maxBytes) throw tooLarge(expected);
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  const sha256 = hash.digest("hex");
  if (sha256 !== expected.expectedSha256) {
    throw assayError(
      "blob_mismatch",
      `The ${sizeBytes} bytes received have the digest ${sha256}, not ${expected.expectedSha256}`,
    );
  }
  await file.sync();
  return sizeBytes;
}

function tooLarge({ expectedSha256, maxBytes }: { expectedSha256: string; maxBytes: number }): Error {
  return assayError("blob_too_large", `The blob ${expectedSha256} is larger than the limit of ${maxBytes} bytes`);
}

function openExisting(path: string): Promise<FileHandle | null> {
  return open(path, "r").catch(nullWhenMissing);
}

function statExisting(path: string): Promise<Stats | null> {
  return stat(path).catch(nullWhenMissing);
}

function nullWhenMissing(error: unknown): null {
  if (errorCode(error) === "ENOENT") return null;
  throw error;
}

async function syncFolder(path: string): Promise<void> {
  // Windows has no handle of a folder to sync; there a rename is durable by itself.
  if (process.platform === "win32") return;
  await using folder = await open(path, "r");
  await folder.sync();
}
