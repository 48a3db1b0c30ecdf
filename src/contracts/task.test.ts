import { expect, test } from "vitest";
import { batchSizesOf, taskSpec } from "./task.ts";

test.each([
  [[4, 1, 4], undefined, [4, 1]],
  [[3], 20, [1, 2, 3, 4, 8, 16, 20]],
  [[1], 1, [1]],
])(
  "batch sizes %j up to %j are %j: those that were asked for, and in a search doubled ones up to its end",
  (...row) => {
    const [batch_sizes, max_batch_size, sizes] = row;
    const config = { model: "tiny-bert", batch_sizes, ...(max_batch_size === undefined ? {} : { max_batch_size }) };
    const task = taskSpec.parse({ task_id: "t", type: "benchmark", config });
    expect(task.type === "benchmark" && batchSizesOf(task.config)).toEqual(sizes);
  },
);
