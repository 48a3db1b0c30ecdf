import { beforeEach, expect, test } from "vitest";
import { manualClock } from "../base/index.ts";
import type { ManualClock } from "../base/index.ts";
import type { WorkerMessageInput } from "../transport/index.ts";
import { LiveFeed } from "./live-feed.ts";

let clock: ManualClock;
let sent: WorkerMessageInput[];
let connected: boolean;
let feed: LiveFeed;
beforeEach(() => {
  clock = manualClock();
  sent = [];
  connected = true;
  feed = new LiveFeed(clock, () => (connected ? { send: (frame) => void sent.push(frame) } : undefined));
});

const texts = (): string[] => sent.flatMap((frame) => (frame.type === "log" ? [frame.text] : []));
const length = (): number => texts().join("").length;

test("text of one stream is joined; streams keep their order", () => {
  feed.log(1, "stdout", "a");
  feed.log(1, "stdout", "b");
  feed.log(1, "stderr", "c");
  feed.log(1, "stdout", "d");
  expect(sent).toEqual([]);
  clock.advance(250);
  expect(texts()).toEqual(["ab", "c", "d"]);
  expect(clock.pendingTimers).toBe(0);
});

test("one attempt shows at most 32 Ki characters per second; the rest is left out with a note", () => {
  for (let second = 0; second < 10; second += 1) {
    for (let tick = 0; tick < 10; tick += 1) {
      feed.log(1, "stdout", "x".repeat(100_000));
      clock.advance(100);
    }
  }
  clock.advance(1_000);
  expect(length()).toBeLessThan(12 * 32 * 1024 + 10_000);
  expect(length()).toBeGreaterThan(9 * 32 * 1024);
  const notes = [
    ...texts()
      .join("")
      .matchAll(/\[(\d+) characters left out of the live view\]/g),
  ];
  const leftOut = notes.reduce((sum, [, count]) => sum + Number(count), 0);
  const shown = texts().join("").replaceAll(/[^x]/g, "").length;
  expect(leftOut + shown).toBe(100 * 100_000);
});

test("attempts have allowances of their own", () => {
  feed.log(1, "stdout", "x".repeat(32 * 1024));
  feed.log(2, "stdout", "y".repeat(32 * 1024));
  clock.advance(250);
  expect(texts().map((text) => text.length)).toEqual([32 * 1024, 32 * 1024]);
});

test("all attempts together send at most 200 frames per second", () => {
  for (let leaseSeq = 1; leaseSeq <= 500; leaseSeq += 1) feed.log(leaseSeq, "stdout", "line\n");
  clock.advance(250);
  expect(sent).toHaveLength(200);
  clock.advance(1_000);
  expect(sent.length).toBeLessThanOrEqual(450);
  clock.advance(2_000);
  expect(sent).toHaveLength(500);
});

test("of many progress reports the last one is sent, in bounds", () => {
  feed.progress(1, { fraction: 0.1 });
  feed.progress(1, { fraction: 7, message: "m".repeat(5_000) });
  feed.progress(2, { fraction: Number.NaN, message: "\ud800" });
  clock.advance(250);
  expect(sent).toEqual([
    { type: "progress", lease_seq: 1, fraction: 1, message: "m".repeat(2_000) },
    { type: "progress", lease_seq: 2, message: "\ufffd" },
  ]);
});

test("while nobody listens little is kept", () => {
  connected = false;
  for (let second = 0; second < 60; second += 1) {
    feed.log(1, "stdout", "x".repeat(30_000));
    clock.advance(1_000);
  }
  connected = true;
  clock.advance(250);
  expect(length()).toBeLessThan(70_000);
  feed.log(1, "stdout", "now");
  clock.advance(250);
  expect(texts().at(-1)).toContain("now");
});

test("the end shows what is left and forgets the attempt", () => {
  feed.log(1, "stdout", "last");
  feed.end(1);
  expect(texts()).toEqual(["last"]);
  clock.advance(1_000);
  expect(texts()).toEqual(["last"]);
  expect(clock.pendingTimers).toBe(0);
});

const payloads = (): unknown[] => sent.flatMap((frame) => (frame.type === "progress" ? [frame.payload] : []));

test("a payload waits for its turn, whatever is reported after it, and a newer one takes its place", () => {
  feed.progress(1, { payload: "a", fraction: 0.1 });
  feed.progress(1, { payload: "b" });
  feed.progress(1, { message: "half" });
  clock.advance(250);
  expect(sent).toEqual([{ type: "progress", lease_seq: 1, payload: "b", message: "half" }]);
  feed.progress(1, { message: "on" });
  clock.advance(250);
  expect(payloads()).toEqual(["b", undefined]);
});

test("the latest payload goes out before the end, also when the frames are used up", () => {
  for (let leaseSeq = 1; leaseSeq <= 500; leaseSeq += 1) feed.progress(leaseSeq, { payload: `of ${leaseSeq}` });
  for (let leaseSeq = 1; leaseSeq <= 500; leaseSeq += 1) feed.end(leaseSeq);
  expect(payloads()).toEqual(Array.from({ length: 500 }, (_, index) => `of ${index + 1}`));
});
