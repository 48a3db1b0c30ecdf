import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AssayError, systemClock } from "../../base/index.ts";
import type { BlobStore, ByteRange } from "./blob-store.ts";
import { openFolderBlobStore } from "./folder-blob-store.ts";
import { storageError } from "./storage-error.ts";

let root: string;
let store: BlobStore;
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "assay-blobs-")), "blobs");
  store = await openFolderBlobStore(root, systemClock);
});
afterEach(() => rm(join(root, ".."), { recursive: true }));

const limits = { maxBytes: 1024 };
const digest = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

async function* chunks(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function read(sha256: string, range?: ByteRange): Promise<string | null> {
  const blob = await store.openRead(sha256, range);
  return blob === null ? null : text(blob.content);
}

/** Everything in the store, the folder of uploads included. */
const files = async (): Promise<string[]> =>
  (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

describe("folder blob store", () => {
  test("gives back what was put, under its digest, readable by the owner only", async () => {
    const sha256 = digest("hello world");
    expect(await store.put(sha256, chunks("hello", " ", "world"), limits)).toEqual({ sha256, sizeBytes: 11 });
    expect(await read(sha256)).toBe("hello world");
    expect(await readFile(join(root, sha256.slice(0, 2), sha256), "utf8")).toBe("hello world");
    expect((await stat(join(root, sha256.slice(0, 2), sha256))).mode & 0o777).toBe(0o600);
    expect([await store.has(sha256), await store.sizeOf(sha256)]).toEqual([true, 11]);
    expect(await files()).toEqual([sha256]);
  });

  test("holds empty blobs and knows what it does not have", async () => {
    const empty = digest("");
    expect(await read(empty)).toBeNull();
    expect([await store.has(empty), await store.sizeOf(empty)]).toEqual([false, null]);
    await store.put(empty, chunks(), limits);
    expect(await read(empty)).toBe("");
  });

  test("reads ranges", async () => {
    const sha256 = digest("0123456789");
    await store.put(sha256, chunks("0123456789"), limits);
    expect(await read(sha256, { first: 2, last: 4 })).toBe("234");
    expect(await read(sha256, { first: 9, last: 9 })).toBe("9");
  });

  test("does not read again what it already has", async () => {
    const sha256 = digest("once");
    await store.put(sha256, chunks("once"), limits);
    const unread: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => {
        throw new Error("was read");
      },
    };
    expect(await store.put(sha256, unread, limits)).toEqual({ sha256, sizeBytes: 4 });
  });

  test("takes the same blob from many at once", async () => {
    const sha256 = digest("same");
    const stored = await Promise.all(Array.from({ length: 8 }, () => store.put(sha256, chunks("sa", "me"), limits)));
    expect(new Set(stored.map((blob) => blob.sizeBytes))).toEqual(new Set([4]));
    expect(await files()).toEqual([sha256]);
  });

  test("refuses content with another digest, and content over the limit, and keeps nothing of either", async () => {
    const sha256 = digest("expected");
    await expect(store.put(sha256, chunks("something else"), limits)).rejects.toMatchObject({
      code: "blob_mismatch",
      message: expect.stringContaining(digest("something else")),
    });
    await expect(store.put(sha256, chunks("expec", "ted"), { maxBytes: 7 })).rejects.toMatchObject({
      code: "blob_too_large",
    });
    expect(await files()).toEqual([]);
    await store.put(sha256, chunks("expected"), { maxBytes: 8 });
  });

  test("keeps nothing of an upload that broke off", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("half");
      throw new Error("connection lost");
    }
    await expect(store.put(digest("half and half"), broken(), limits)).rejects.toThrow("connection lost");
    expect(await files()).toEqual([]);
  });

  test.each([
    "",
    "..",
    "../../etc/passwd",
    "a".repeat(63),
    "A".repeat(64),
    `${"a".repeat(64)}\n`,
    `../${"a".repeat(61)}`,
    "a/".repeat(32),
  ])("never makes a path of %j", async (name) => {
    const refused = { code: "invalid_field" };
    await expect(store.put(name, chunks("x"), limits)).rejects.toMatchObject(refused);
    await expect(store.openRead(name)).rejects.toMatchObject(refused);
    await expect(store.sizeOf(name)).rejects.toMatchObject(refused);
    expect(await files()).toEqual([]);
  });

  test("removes old uploads when opened, and neither young ones nor blobs", async () => {
    const sha256 = digest("kept");
    await store.put(sha256, chunks("kept"), limits);
    await writeFile(join(root, "tmp", "young"), "x");
    await writeFile(join(root, "tmp", "old"), "x");
    const hoursAgo = systemClock.nowMs() / 1000 - 2 * 3600;
    await utimes(join(root, "tmp", "old"), hoursAgo, hoursAgo);
    await utimes(join(root, sha256.slice(0, 2), sha256), hoursAgo, hoursAgo);
    store = await openFolderBlobStore(root, systemClock);
    expect((await files()).toSorted()).toEqual([sha256, "young"].toSorted());
  });

  test("cannot be opened where a file stands in the way", async () => {
    await writeFile(join(root, "..", "taken"), "");
    await expect(openFolderBlobStore(join(root, "..", "taken"), systemClock)).rejects.toMatchObject({
      code: expect.stringMatching(/^E(EXIST|NOTDIR)$/),
    });
  });
});

describe("storage error", () => {
  test.skipIf(process.platform !== "linux")(
    "of a device without room is disk_full (Linux only: needs /dev/full)",
    async () => {
      const raw: unknown = await writeFile("/dev/full", "x").catch((error: unknown) => error);
      expect(raw).toMatchObject({ code: "ENOSPC" });
      const error = storageError(raw, "/data/blobs");
      expect(error).toBeInstanceOf(AssayError);
      expect(error).toMatchObject({ code: "disk_full", message: expect.stringContaining("/data/blobs"), cause: raw });
    },
  );

  test("of a place that cannot be written is data_dir_read_only", () => {
    // Made by hand: tests may run as root, whom no file mode stops.
    for (const code of ["EACCES", "EPERM", "EROFS"]) {
      expect(storageError(Object.assign(new Error("no"), { code }), "/data")).toMatchObject({
        code: "data_dir_read_only",
      });
    }
  });

  test("of anything else stays itself", async () => {
    const raw: unknown = await mkdir(join(root, "no", "such")).catch((error: unknown) => error);
    expect(storageError(raw, root)).toBe(raw);
  });
});
