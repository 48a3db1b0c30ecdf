import { assayError, taskSpec } from "../contracts/index.ts";
import type { Hardware, ModelConfig, TaskSpec } from "../contracts/index.ts";

/** A way to run models, and the platform that it serves. */
export interface BackendChoice {
  backend: string;
  hardware: Hardware;
}

/** What to measure: every model on every backend in every precision. */
export interface MatrixSelection {
  /** Catalogue names, aliases, folders or hub ids. */
  models: readonly string[];
  backends: readonly BackendChoice[];
  precisions: readonly ModelConfig["precision"][];
  batchSizes: readonly number[];
  /** Least number of timed iterations per batch size. */
  iterations: number;
}

/**
 * One benchmark task per model, backend and precision, named `model@backend`, with `:precision` where that is not fp32. Error:
 * nothing_matched when there is none.
 */
export function matrixTasks(selection: MatrixSelection): TaskSpec[] {
  const { batchSizes, iterations } = selection;
  const models = [...new Set(selection.models)];
  const backends = [...new Map(selection.backends.map((one) => [one.backend, one])).values()];
  const precisions = [...new Set(selection.precisions)];
  if (models.length === 0 || backends.length === 0) {
    throw assayError("nothing_matched", `there is no ${models.length === 0 ? "model" : "backend"} to measure`);
  }
  const names = distinctNames(models);
  return models.flatMap((model, index) =>
    precisions.flatMap((precision) =>
      backends.map(({ backend, hardware }) =>
        taskSpec.parse({
          task_id: `${names[index]}@${backend}${precision === "fp32" ? "" : `:${precision}`}`,
          type: "benchmark",
          requirements: { backend, hardware: [hardware] },
          config: { model, precision, batch_sizes: [...new Set(batchSizes)], iterations },
        }),
      ),
    ),
  );
}

/** Leaves room for backend and precision within an identifier. */
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
