import type { Failure, FailureClass } from "./result.ts";

/** What a model that did not run, or not rightly, makes of its cell in the matrix. */
type FailedCellState = "unsupported" | "out_of_memory" | "wrong_numbers" | "failed";

/**
 * Why a model did not run, or not rightly, by the word that a failure has as its reason: the class that decides about retries, and the
 * state of the cell. Unsupported is what this backend cannot do with this model, whatever else is put right.
 */
export const modelFailures = {
  unsupported_operator: { class: "setup", cell: "unsupported" },
  missing_feature: { class: "setup", cell: "unsupported" },
  backend_unavailable: { class: "setup", cell: "unsupported" },
  out_of_memory: { class: "out_of_memory", cell: "out_of_memory" },
  wrong_numbers: { class: "assertion", cell: "wrong_numbers" },
  timeout: { class: "timeout", cell: "failed" },
  crash: { class: "crash", cell: "failed" },
  device_lost: { class: "device_lost", cell: "failed" },
  cuda_error: { class: "device_lost", cell: "failed" },
  wrong_input: { class: "setup", cell: "failed" },
  model_unreadable: { class: "setup", cell: "failed" },
  model_file_missing: { class: "setup", cell: "failed" },
  unknown_model: { class: "setup", cell: "failed" },
  setup: { class: "setup", cell: "failed" },
} as const satisfies Readonly<Record<string, { class: FailureClass; cell: FailedCellState }>>;

export type ModelFailureReason = keyof typeof modelFailures;

/** The state of a cell whose measurement failed, by the reason; by the class where that is all there is. */
export function failedCellState({ class: failureClass, reason }: Failure): FailedCellState {
  const word = [reason ?? failureClass, failureClass].find(isModelFailureReason);
  return word === undefined ? "failed" : modelFailures[word].cell;
}

function isModelFailureReason(word: string): word is ModelFailureReason {
  return Object.hasOwn(modelFailures, word);
}
