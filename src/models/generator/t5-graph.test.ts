import { expect, test } from "vitest";
import { relativePositionBucket } from "../reference/t5-reference.ts";
import { relativePositionBuckets } from "./t5-graph.ts";

test.each([
  { buckets: 32, farthest: 128 },
  { buckets: 8, farthest: 20 },
])("the table of $buckets buckets is that of the formula", ({ buckets, farthest }) => {
  const sizes = { relative_attention_num_buckets: buckets, relative_attention_max_distance: farthest };
  for (const bothDirections of [true, false]) {
    const formula = Array.from({ length: 2 * farthest + 1 }, (_, row) =>
      relativePositionBucket(row - farthest, sizes, bothDirections),
    );
    expect(relativePositionBuckets(sizes, bothDirections)).toEqual(formula);
  }
});

// From `T5Attention._relative_position_bucket` at 32 buckets up to a distance of 128.
test("known buckets", () => {
  const sizes = { relative_attention_num_buckets: 32, relative_attention_max_distance: 128 };
  const at = (offset: number, bothDirections: boolean): number | undefined =>
    relativePositionBuckets(sizes, bothDirections)[offset + 128];
  expect([-128, -16, -8, -7, 0, 1, 8, 128].map((offset) => at(offset, true))).toEqual([15, 10, 8, 7, 0, 17, 24, 31]);
  expect([-128, -32, -16, -15, 0, 5].map((offset) => at(offset, false))).toEqual([31, 21, 16, 15, 0, 0]);
});
