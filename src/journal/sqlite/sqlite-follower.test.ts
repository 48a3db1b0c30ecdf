import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, expect, test } from "vitest";

import { type Clock, systemClock } from "../../base/index.ts";
import { appendMany, loaded, partsAfter, plain, snapshotAfter, take } from "../acceptance.ts";
import type { Journal } from "../journal.ts";
import { verifyJournal } from "../verify.ts";
import { openSqliteFollower } from "./sqlite-follower.ts";
import { openSqliteJournal } from "./sqlite-journal.ts";

let folder: string;
let leader: Journal;

/** A clock whose timers fire when the test says so. */
class HandClock implements Clock {
  readonly nowMs = (): number => systemClock.nowMs();
  readonly monotonicMs = (): number => systemClock.monotonicMs();
  private readonly timers = new Set<() => void>();
  private armed = Promise.withResolvers<void>();

  setTimer(_delayMs: number, action: () => void): { cancel(): void } {
    this.timers.add(action);
    this.armed.resolve();
    return { cancel: () => this.timers.delete(action) };
  }

  /** Fires what is set, once something is. */
  async fire(): Promise<void> {
    await this.armed.promise;
    this.armed = Promise.withResolvers();
    for (const action of this.timers) action();
    this.timers.clear();
  }
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "assay-journal-"));
  leader = await openSqliteJournal({ folder });
});

afterEach(async () => {
  await leader.close();
  rmSync(folder, { recursive: true });
});

test("a follower reads beside the leader, and neither waits for the other", async () => {
  const batches = await appendMany(leader, 3);
  const follower = await openSqliteFollower({ folder });
  expect(await follower.open()).toMatchObject({ seq: 3 });
  const view = follower.follow(1, new AbortController().signal)[Symbol.asyncIterator]();
  expect(plain((await view.next()).value)).toEqual(plain(batches[0]));
  batches.push(...(await appendMany(leader, 2)));
  expect(plain(await follower.read(1, 10))).toEqual(plain(batches));
  expect(await verifyJournal(follower)).toMatchObject({ batches: 5 });
  await view.return?.();
  await follower.close();
});

test("a hint wakes it at once, without any timer", async () => {
  const clock = new HandClock();
  const follower = await openSqliteFollower({ folder, clock });
  const seen = take(follower.follow(1, new AbortController().signal), 4);
  for (let round = 0; round < 4; round += 1) {
    const [batch] = await appendMany(leader, 1);
    follower.hint(batch!.seq);
  }
  expect((await seen).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  await follower.close();
});

test("without hints it looks again when its timer says so", async () => {
  const clock = new HandClock();
  const follower = await openSqliteFollower({ folder, clock });
  const view = follower.follow(1, new AbortController().signal)[Symbol.asyncIterator]();
  for (let seq = 1; seq <= 3; seq += 1) {
    const next = view.next();
    await appendMany(leader, 1);
    await clock.fire();
    expect((await next).value).toMatchObject({ seq });
  }
  await follower.close();
  expect(await view.next()).toMatchObject({ done: true });
});

test("its snapshots are the leader's", async () => {
  const batches = await appendMany(leader, 6);
  const follower = await openSqliteFollower({ folder });
  await follower.saveSnapshot(snapshotAfter(batches[4]!), partsAfter(batches[4]!));
  expect(await loaded(leader)).toEqual({ snapshot: plain(snapshotAfter(batches[4]!)), parts: partsAfter(batches[4]!) });
  await leader.trim(6);
  expect(await follower.firstSeq()).toBe(6);
  expect(plain(await follower.read(6, 10))).toEqual(plain(batches.slice(5)));
  await expect(follower.read(5, 10)).rejects.toMatchObject({
    code: "journal_broken",
    message: expect.stringContaining("trimmed"),
  });
  await follower.close();
});

test("a journal whose leader is gone can be read", async () => {
  await appendMany(leader, 2);
  await leader.close();
  const follower = await openSqliteFollower({ folder });
  expect(await verifyJournal(follower)).toMatchObject({ batches: 2 });
  await follower.close();
  leader = await openSqliteJournal({ folder });
  await appendMany(leader, 1);
});

test("a folder without a journal, and data of a newer Assay, are refused", async () => {
  await expect(openSqliteFollower({ folder: join(folder, "nothing") })).rejects.toMatchObject({
    code: "journal_unavailable",
  });
  const newer = join(folder, "newer");
  await (await openSqliteJournal({ folder: newer })).close();
  const database = new DatabaseSync(join(newer, "journal.sqlite"));
  database.exec("PRAGMA user_version = 2");
  database.close();
  await expect(openSqliteFollower({ folder: newer })).rejects.toMatchObject({ code: "schema_newer" });
});
