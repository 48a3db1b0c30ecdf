import { expect, test } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

const takeAll = (bucket: TokenBucket, nowMs: number): number => {
  let taken = 0;
  while (bucket.take(nowMs)) taken += 1;
  return taken;
};

test("gives the burst at once, then the rate, and never more than the burst", () => {
  const bucket = new TokenBucket({ perSecond: 1_000, burst: 2_000 }, 50);
  expect(bucket.isFull(50)).toBe(true);
  expect(takeAll(bucket, 50)).toBe(2_000);
  expect(takeAll(bucket, 51)).toBe(1);
  expect(takeAll(bucket, 551)).toBe(500);
  expect(bucket.isFull(2_550)).toBe(false);
  expect(bucket.isFull(2_551)).toBe(true);
  expect(takeAll(bucket, 1_000_000)).toBe(2_000);
});

test("adds up parts of a token", () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 1 }, 0);
  expect(bucket.take(0)).toBe(true);
  expect([25, 50, 75].map((nowMs) => bucket.take(nowMs))).toEqual([false, false, false]);
  expect(bucket.take(100)).toBe(true);
});

test("gives as many whole ones as there are", () => {
  const bucket = new TokenBucket({ perSecond: 1_000, burst: 10 }, 0);
  expect(bucket.takeUpTo(4, 0)).toBe(4);
  expect(bucket.takeUpTo(9, 0.5)).toBe(6);
  expect(bucket.takeUpTo(9, 0.5)).toBe(0);
  expect(bucket.takeUpTo(9, 1)).toBe(1);
});

test("what is overdrawn is waited for", () => {
  const bucket = new TokenBucket({ perSecond: 100, burst: 1 }, 0);
  expect(bucket.waitMs(0)).toBe(0);
  for (let count = 0; count < 3; count += 1) bucket.overdraw(0);
  expect(bucket.waitMs(0)).toBe(30);
  expect(bucket.waitMs(25)).toBe(5);
  expect(bucket.takeUpTo(5, 25)).toBe(0);
  expect(bucket.waitMs(30)).toBe(0);
  expect(bucket.take(30)).toBe(true);
});
