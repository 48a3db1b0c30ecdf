import { expect, test } from "vitest";
import { memoized } from "./memoized.ts";

test("what was made is kept, for those too who ask meanwhile; what failed is made anew", async () => {
  let calls = 0;
  const ask = memoized(async () => {
    calls += 1;
    if (calls === 1) throw new Error("the disk was busy");
    return calls;
  });
  const first = [ask(), ask()];
  for (const one of first) await expect(one).rejects.toThrow("the disk was busy");
  expect(calls).toBe(1);
  expect(await Promise.all([ask(), ask()])).toEqual([2, 2]);
  expect(await ask()).toBe(2);
});
