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
