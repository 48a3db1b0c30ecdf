import { expect, test } from "vitest";
import { inParallel } from "./in-parallel.ts";

async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number += 1) yield number;
}

test("does all, so many at a time, whether they come at once or one by one", async () => {
  for (const items of [numbers(20), Array.from({ length: 20 }, (_unused, index) => index)]) {
    const [done, widths]: [number[], number[]] = [[], []];
    let running = 0;
    await inParallel(items, 3, async (item) => {
      widths.push((running += 1));
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      done.push(item);
    });
    expect(done.toSorted((a, b) => a - b)).toEqual([...Array(20).keys()]);
    expect(Math.max(...widths)).toBe(3);
  }
});

test("begins nothing after a failure, and ends with it when what was begun has ended", async () => {
  const begun: number[] = [];
  const slow = Promise.withResolvers<void>();
  let settled = false;
  const all = inParallel(numbers(10), 3, async (item) => {
    begun.push(item);
    if (item === 0) await slow.promise;
    if (item === 1) throw new Error("the second");
    if (item === 2) throw new Error("the third");
  }).finally(() => (settled = true));
  const failed = expect(all).rejects.toThrow("the second");
  await new Promise((resolve) => setImmediate(resolve));
  expect([begun, settled]).toEqual([[0, 1, 2], false]);
  slow.resolve();
  await failed;
});

test("waits for what was begun when there are no more items because of an error, and closes them after a failure", async () => {
  const slow = Promise.withResolvers<void>();
  let ended = false;
  const broken = inParallel(
    (async function* () {
      yield 1;
      throw new Error("no more items");
    })(),
    2,
    () => slow.promise.then(() => (ended = true)),
  );
  const failed = expect(broken).rejects.toThrow("no more items");
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toBe(false);
  slow.resolve();
  await failed;
  expect(ended).toBe(true);
  let closed = false;
  const items = (async function* () {
    try {
      yield* numbers(5);
    } finally {
      closed = true;
    }
  })();
  await expect(inParallel(items, 1, () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  expect(closed).toBe(true);
});
