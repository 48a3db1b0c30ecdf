import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { appendMany, batchAfter, describeJournal, plain } from "../acceptance.ts";
import { emptyTail } from "../batch.ts";
import { openSqliteJournal } from "./sqlite-journal.ts";
import { SqliteStore } from "./sqlite-store.ts";
import { storageError } from "./storage-error.ts";

const newFolder = (): string => mkdtempSync(join(tmpdir(), "assay-journal-"));

/** Flips a bit of `bytes` wherever they stand in a file. */
function flipInFile(path: string, bytes: Uint8Array): number {
  const content = readFileSync(path);
  let found = 0;
  for (let at = content.indexOf(bytes); at !== -1; at = content.indexOf(bytes, at + bytes.length)) {
    content[at + (bytes.length >> 1)]! ^= 4;
    found += 1;
  }
  writeFileSync(path, content);
  return found;
}

describeJournal("sqlite", async () => {
  const folder = newFolder();
  return {
    manyWriters: false,
    open: () => openSqliteJournal({ folder }),
    corrupt: async (batch) => {
      expect(existsSync(join(folder, "journal.sqlite-wal"))).toBe(false);
      expect(flipInFile(join(folder, "journal.sqlite"), batch.events)).toBeGreaterThan(0);
    },
    dispose: async () => rmSync(folder, { recursive: true }),
  };
});

describe("openSqliteJournal", () => {
  let folder: string;
  beforeEach(() => {
    folder = newFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("makes missing folders, readable by their owner only", async () => {
    const deep = join(folder, "a", "b");
    const journal = await openSqliteJournal({ folder: deep });
    await appendMany(journal, 1);
    await journal.close();
    expect(existsSync(join(deep, "journal.sqlite"))).toBe(true);
    if (process.platform !== "win32") expect(statSync(deep).mode & 0o077).toBe(0);
  });

  test("is durable at every commit", async () => {
    const journal = await openSqliteJournal({ folder });
    await appendMany(journal, 1);
    const beside = new DatabaseSync(join(folder, "journal.sqlite"), { readOnly: true });
    expect(beside.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    expect(beside.prepare("SELECT count(*) AS n FROM batch").get()).toEqual({ n: 1 });
    beside.close();
    await journal.close();
  });

  test("a second leader in the same process is refused until the first has closed", async () => {
    const journal = await openSqliteJournal({ folder });
    const refused = { code: "data_dir_locked", message: expect.stringContaining(`process ${process.pid} on `) };
    await expect(openSqliteJournal({ folder })).rejects.toMatchObject(refused);
    await expect(openSqliteJournal({ folder })).rejects.toMatchObject(refused);
    await appendMany(journal, 1);
    await journal.close();
    const next = await openSqliteJournal({ folder });
    await appendMany(next, 1);
    await next.close();
    expect(existsSync(join(folder, "lock.json"))).toBe(false);
  });

  test("data of a newer Assay is left alone", async () => {
    await (await openSqliteJournal({ folder })).close();
    const database = new DatabaseSync(join(folder, "journal.sqlite"));
    database.exec("PRAGMA user_version = 999");
    database.close();
    await expect(openSqliteJournal({ folder })).rejects.toMatchObject({
      code: "schema_newer",
      message: expect.stringContaining("999"),
    });
    // The refusal let go of the lock.
    await expect(openSqliteJournal({ folder })).rejects.toMatchObject({ code: "schema_newer" });
  });

  test("a file that is no database is a broken journal", async () => {
    writeFileSync(join(folder, "journal.sqlite"), Buffer.alloc(20_000, "not a database "));
    await expect(openSqliteJournal({ folder })).rejects.toMatchObject({ code: "journal_broken" });
  });

  test("a missing batch in the middle is found and named", async () => {
    const journal = await openSqliteJournal({ folder });
    await appendMany(journal, 5);
    await journal.close();
    const database = new DatabaseSync(join(folder, "journal.sqlite"));
    database.exec("DELETE FROM batch WHERE seq = 3");
    database.close();
    const again = await openSqliteJournal({ folder });
    for (const fromSeq of [1, 3, 4]) {
      const broken = { code: "journal_broken", message: expect.stringContaining("Batch 3 is missing") };
      await expect(again.read(fromSeq, 10)).rejects.toMatchObject(broken);
    }
    await again.close();
  });

  test("a damaged last batch is found on opening: nothing can be appended behind it", async () => {
    const journal = await openSqliteJournal({ folder });
    const [, last] = await appendMany(journal, 2);
    await journal.close();
    flipInFile(join(folder, "journal.sqlite"), last!.events);
    const broken = { code: "journal_broken", message: expect.stringContaining("Batch 2 does not match") };
    await expect(openSqliteJournal({ folder })).rejects.toMatchObject(broken);
  });

  test("a transaction that failed leaves nothing behind, and the next one works", () => {
    let failures = 1;
    const store = new SqliteStore(folder, (point) => {
      if (point === "before_commit" && (failures -= 1) >= 0) throw new Error("the disk did not answer");
    });
    const batch = batchAfter(emptyTail());
    expect(store.append(batch)).toMatchObject({
      kind: "unknown",
      cause: expect.stringContaining("the disk did not answer"),
    });
    expect(store.tail()).toMatchObject({ seq: 0 });
    expect(store.resolve(batch)).toEqual({ kind: "committed" });
    store.close();
  });

  test("the caller's bytes stay its own, for resolve", async () => {
    const journal = await openSqliteJournal({ folder });
    const batch = batchAfter(emptyTail());
    const before = plain(batch);
    await journal.append(batch);
    expect(plain(batch)).toEqual(before);
    expect(await journal.resolve(batch)).toEqual({ kind: "committed" });
    await journal.close();
  });

  test("after close everything is refused, and an append is in doubt", async () => {
    const journal = await openSqliteJournal({ folder });
    await journal.close();
    await journal.close();
    await expect(journal.read(1, 1)).rejects.toMatchObject({ code: "journal_unavailable" });
    expect(await journal.append(batchAfter(emptyTail()))).toMatchObject({ kind: "unknown" });
  });

  test("a folder that is a file cannot be used", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    await expect(openSqliteJournal({ folder: file })).rejects.toMatchObject({ message: expect.stringContaining(file) });
  });
});

describe("storageError", () => {
  test("a database that may not grow is a full disk", () => {
    const database = new DatabaseSync(":memory:");
    database.exec("CREATE TABLE t (bytes BLOB); PRAGMA max_page_count = 5");
    const insert = database.prepare("INSERT INTO t VALUES (?)");
    const fill = (): unknown => {
      try {
        for (;;) insert.run(new Uint8Array(4_000));
      } catch (error) {
        return storageError("Batch 7 cannot be written", error);
      }
    };
    expect(fill()).toMatchObject({
      code: "disk_full",
      message: expect.stringContaining("Batch 7 cannot be written: "),
    });
    database.close();
  });

  test("a file system error keeps its meaning", () => {
    expect(storageError("x", Object.assign(new Error("no space"), { code: "ENOSPC" }))).toMatchObject({
      code: "disk_full",
    });
    expect(storageError("x", Object.assign(new Error("no"), { code: "EROFS" }))).toMatchObject({
      code: "data_dir_read_only",
    });
    expect(storageError("x", new Error("what?"))).toMatchObject({ code: "journal_unavailable" });
  });
});
