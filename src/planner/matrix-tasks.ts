import { assayError, taskSpec } from "../contracts/index.ts";
import type { Hardware, TaskSpec } from "../contracts/index.ts";

/** What to measure: every model on every platform. */
export interface MatrixSelection {
  /** Catalogue names, aliases, folders or hub ids. */
  models: readonly string[];
  hardware: readonly Hardware[];
  batchSizes: readonly number[];
  /** Least number of timed iterations per batch size. */
  iterations: number;
}

/** One benchmark task per model and platform, named `model@platform`. Error: nothing_matched when there is no pair. */
export function matrixTasks(selection: MatrixSelection): TaskSpec[] {
  const models = [...new Set(selection.models)];
  const platforms = [...new Set(selection.hardware)];
  if (models.length === 0 || platforms.length === 0) {
    throw assayError("nothing_matched", `there is no ${models.length === 0 ? "model" : "platform"} to measure`);
  }
  const names = distinctNames(models);
  return models.flatMap((model, index) =>
    platforms.map((platform) =>
      taskSpec.parse({
        task_id: `${names[index]}@${platform}`,
        type: "benchmark",
        requirements: { hardware: [platform] },
        config: { model, batch_sizes: [...new Set(selection.batchSizes)], iterations: selection.iterations },
      }),
    ),
  );
}

/** Leaves room for the platform within an identifier. */
const MAX_NAME_LENGTH = 150;

/** Models may be folders; an identifier holds only part of what a path can. */
function distinctNames(models: readonly string[]): string[] {
  const taken = new Set<string>();
  return models.map((model) => {
    const plain = model.replaceAll(/[^A-Za-z0-9._:/@+\-[\]=,]/g, "-").slice(-MAX_NAME_LENGTH);
    const base = plain.replace(/^[^A-Za-z0-9]+/, "") || "model";
    let name = base;
    for (let number = 2; taken.has(name); number += 1) name = `${base}-${number}`;
    taken.add(name);
    return name;
  });
}
