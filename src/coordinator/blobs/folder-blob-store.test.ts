import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AssayError, systemClock } from "../../base/index.ts";
import type { BatchedBlob } from "../../contracts/index.ts";
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

describe("many blobs at once", () => {
  const blob = (content: string): BatchedBlob => ({ sha256: digest(content), bytes: Buffer.from(content) });
  const numbered = (from: number, to: number): BatchedBlob[] =>
    Array.from({ length: to - from }, (_unused, index) => blob(`blob ${from + index}`));

  test("are stored as single ones are, those that are there or come twice once", async () => {
    await store.put(digest("blob 7"), chunks("blob 7"), limits);
    const before = await stat(join(root, digest("blob 7").slice(0, 2), digest("blob 7")));
    const blobs = [...numbered(0, 100), blob(""), ...numbered(50, 150)];
    expect(await store.putAll(blobs)).toBe(blobs.length);
    const all = [...numbered(0, 150), blob("")];
    expect((await files()).toSorted()).toEqual(all.map(({ sha256 }) => sha256).toSorted());
    for (const { sha256, bytes } of all) expect(await read(sha256)).toBe(Buffer.from(bytes).toString());
    expect((await stat(join(root, digest("blob 8").slice(0, 2), digest("blob 8")))).mode & 0o777).toBe(0o600);
    const after = await stat(join(root, digest("blob 7").slice(0, 2), digest("blob 7")));
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
    expect(await store.putAll([])).toBe(0);
  });

  test("come from two at the same time", async () => {
    expect(await Promise.all([store.putAll(numbered(0, 60)), store.putAll(numbered(30, 90))])).toEqual([60, 60]);
    expect((await files()).toSorted()).toEqual(
      numbered(0, 90)
        .map(({ sha256 }) => sha256)
        .toSorted(),
    );
  });

  test.each([
    ["has another digest", { sha256: digest("expected"), bytes: Buffer.from("something else") }, "blob_mismatch"],
    ["has no digest", { sha256: "../../etc/passwd", bytes: Buffer.from("x") }, "invalid_field"],
  ])("stop at one that %s: nothing is kept of it, the others are whole", async (_how, bad, code) => {
    await expect(store.putAll([...numbered(0, 40), bad, ...numbered(40, 1_000)])).rejects.toMatchObject({ code });
    const kept = await files();
    expect(kept).not.toContain(bad.sha256);
    // Neither what is half done, nor much of what came after it.
    expect(kept.length).toBeLessThan(100);
    for (const name of kept) expect(digest((await read(name)) ?? "")).toBe(name);
    expect(await store.putAll(numbered(0, 40))).toBe(40);
  });

  test("keep nothing half when they break off", async () => {
    async function* broken(): AsyncGenerator<BatchedBlob> {
      yield* numbered(0, 20);
      throw new Error("connection lost");
    }
    await expect(store.putAll(broken())).rejects.toThrow("connection lost");
    expect((await files()).toSorted()).toEqual(
      numbered(0, 20)
        .map(({ sha256 }) => sha256)
        .toSorted(),
    );
  });

  test("end with the disk's own complaint, and leave no upload", async () => {
    const [first, second] = numbered(0, 2) as [BatchedBlob, BatchedBlob];
    // A file where the folder of the second should be.
    await writeFile(join(root, second.sha256.slice(0, 2)), "");
    await expect(store.putAll([first, second])).rejects.toMatchObject({
      code: expect.stringMatching(/^E(EXIST|NOTDIR)$/),
    });
    await rm(join(root, "tmp"), { recursive: true });
    await expect(store.putAll([blob("third")])).rejects.toMatchObject({ code: "ENOENT" });
    expect((await files()).toSorted()).toEqual([first.sha256, second.sha256.slice(0, 2)].toSorted());
  });

  test("are read whole, large and missing ones left out", async () => {
    await store.putAll([blob("ten digits"), blob("")]);
    const small = async (content: string, maxBytes: number): Promise<string | undefined> =>
      (await store.readSmall(digest(content), maxBytes))?.toString();
    expect(await small("ten digits", 10)).toBe("ten digits");
    expect(await small("", 0)).toBe("");
    expect(await store.readSmall(digest("ten digits"), 9)).toBeNull();
    expect(await store.readSmall(digest("never put"), 10)).toBeNull();
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
