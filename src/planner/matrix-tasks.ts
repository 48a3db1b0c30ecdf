import { assayError, taskSpec } from "../contracts/index.ts";
import type { Hardware, ModelConfig, TaskSpec } from "../contracts/index.ts";
import { distinctNames } from "./distinct-names.ts";

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
  /** Up to which batch sizes the best and the largest are looked for. */
  maxBatchSize?: number | undefined;
  /** Least number of timed iterations per batch size. */
  iterations: number;
}

/**
 * One benchmark task per model, backend and precision, named `model@backend`, with `:precision` where that is not fp32. Error:
 * nothing_matched when there is none.
 */
export function matrixTasks(selection: MatrixSelection): TaskSpec[] {
  const { batchSizes, maxBatchSize, iterations } = selection;
  const search = maxBatchSize === undefined ? {} : { max_batch_size: maxBatchSize };
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
          config: { model, precision, batch_sizes: [...new Set(batchSizes)], ...search, iterations },
        }),
      ),
    ),
  );
}
