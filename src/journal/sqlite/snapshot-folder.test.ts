import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { partsOf, plain } from "../acceptance.ts";
import type { Snapshot } from "../journal.ts";
import { SnapshotFolder } from "./snapshot-folder.ts";

let folder: string;
let snapshots: SnapshotFolder;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "assay-snapshots-")), "snapshots");
  snapshots = new SnapshotFolder(folder);
});

afterEach(() => rmSync(join(folder, ".."), { recursive: true }));

const snapshot = (batchSeq: number): Snapshot => ({
  batchSeq,
  lastEvent: batchSeq * 10,
  epoch: 2,
  hash: new Uint8Array(32).fill(batchSeq),
});
const parts = (batchSeq: number): string[] => [`[${batchSeq}]`, "x".repeat(900), "é"];
const save = (batchSeq: number): Promise<void> => snapshots.save(snapshot(batchSeq), parts(batchSeq));

test("only the newest three are kept, by number and not by name", async () => {
  for (const seq of [8, 9, 10, 11, 12]) await save(seq);
  expect(readdirSync(folder).toSorted()).toEqual(["10.snap", "11.snap", "12.snap"]);
  const latest = await snapshots.latest();
  expect(plain({ ...latest })).toMatchObject(plain(snapshot(12)) as object);
  expect(await partsOf(latest!)).toEqual(parts(12));
});

test("a state may have no parts", async () => {
  await snapshots.save(snapshot(1), []);
  expect(await partsOf((await snapshots.latest())!)).toEqual([]);
});

test("what was saved before a write failed in the middle still serves", async () => {
  await save(1);
  const failing = function* (): Generator<string> {
    yield "[1]";
    throw new Error("no more");
  };
  await expect(snapshots.save(snapshot(2), failing())).rejects.toThrow("no more");
  expect((await snapshots.latest())?.batchSeq).toBe(1);
});

test("a bit flipped anywhere makes the older one serve", async () => {
  await save(1);
  await save(2);
  const path = join(folder, "2.snap");
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at += 13) {
    const damaged = Buffer.from(whole);
    damaged[at]! ^= 0x10;
    writeFileSync(path, damaged);
    expect((await snapshots.latest())?.batchSeq).toBe(1);
  }
  writeFileSync(path, whole);
  expect((await snapshots.latest())?.batchSeq).toBe(2);
});

test("a file cut short anywhere makes the older one serve", async () => {
  await save(1);
  await save(2);
  const path = join(folder, "2.snap");
  for (let length = readFileSync(path).length - 1; length >= 0; length -= 11) {
    truncateSync(path, length);
    expect((await snapshots.latest())?.batchSeq).toBe(1);
  }
});

test("what a crash left half written is no snapshot, and goes away in time", async () => {
  await save(1);
  writeFileSync(join(folder, "2.snap.tmp"), "half");
  expect((await snapshots.latest())?.batchSeq).toBe(1);
  for (const seq of [3, 4, 5]) await save(seq);
  expect(readdirSync(folder).toSorted()).toEqual(["3.snap", "4.snap", "5.snap"]);
});

test("none is null, and a folder that cannot be made is an error", async () => {
  expect(await snapshots.latest()).toBeNull();
  writeFileSync(folder, "a file in its place");
  await expect(save(1)).rejects.toMatchObject({ code: "journal_unavailable" });
});
