import { expect, test } from "vitest";
import { betweenSizes, searchResult } from "./batch-size-search.ts";

test.each([1, 2, 3, 40, 100, 700, 65_535])("a search comes within an eighth of %i, the largest that fits", (limit) => {
  let [fits, tooLarge] = [2 ** Math.floor(Math.log2(limit)), 2 ** (Math.floor(Math.log2(limit)) + 1)];
  for (let next = betweenSizes(fits, tooLarge); next !== undefined; next = betweenSizes(fits, tooLarge)) {
    expect(next).toBeGreaterThan(fits);
    expect(next).toBeLessThan(tooLarge);
    if (next <= limit) fits = next;
    else tooLarge = next;
  }
  expect(fits).toBeLessThanOrEqual(limit);
  expect(tooLarge).toBeGreaterThan(limit);
  expect(tooLarge - fits).toBeLessThanOrEqual(Math.max(1, fits / 8));
});

test("where all fit there is nothing to look for; the best has the most items per second", () => {
  expect(betweenSizes(64, undefined)).toBeUndefined();
  const batches = [10, 50, 40].map((throughputItemsPerSecond, index) => ({
    batchSize: 2 ** index,
    throughputItemsPerSecond,
  }));
  expect(searchResult(batches, 6)).toEqual({ best: 2, largest: 4, too_large: 6 });
  expect(searchResult([], 1)).toBeUndefined();
});
