import { failedCellState } from "../contracts/index.ts";
import type { Failure, MatrixRecord, Provenance, RecoveryStep } from "../contracts/index.ts";
import { bad, good, out, trouble, waiting } from "./state-word.ts";

export const cellStates = {
  works: good("works"),
  degraded: trouble("degraded"),
  not_proven: trouble("not proven"),
  out_of_memory: bad("out of memory"),
  unsupported: bad("unsupported"),
  wrong_numbers: bad("wrong numbers"),
  failed: bad("failed"),
  stale: waiting("stale"),
  not_run: out("not run"),
} as const;
export type CellState = keyof typeof cellStates;

/** The state of a cell and why it is not `works`. */
export interface Verdict {
  state: CellState;
  reason: string | null;
}

/** A cell that is older than this is stale. */
export const STALE_AFTER_DAYS = 30;
const DAY_MS = 86_400_000;

/** What a measurement said when it was made. Only what is proven works. */
export function verdictOf(
  record: Pick<MatrixRecord, "status" | "failure" | "provenance" | "recovery" | "unmeasured">,
): Verdict {
  const { status, failure, provenance, recovery, unmeasured } = record;
  if (failure !== null) return failureVerdict(failure);
  if (status !== "completed") return { state: "failed", reason: status };
  const doubt = doubtOf(provenance);
  if (doubt !== null) return { state: "not_proven", reason: doubt };
  const loss = lossOf(recovery, unmeasured);
  return loss === null ? { state: "works", reason: null } : { state: "degraded", reason: loss };
}

/**
 * Why a measurement may no longer hold: the newest result of the model is of another file, its worker now has another version of the
 * runtime, or it is older than 30 days. Null while it holds.
 */
export function staleness(
  record: Pick<
    MatrixRecord,
    "end_time" | "model_sha256" | "model_sha256_now" | "runtime_version" | "runtime_version_now"
  >,
  nowMs: number,
): string | null {
  const { model_sha256: file, model_sha256_now: fileNow, runtime_version: version } = record;
  const { runtime_version_now: versionNow } = record;
  if (file !== null && fileNow !== null && file !== fileNow) return "the model's file has changed since";
  if (version !== null && versionNow !== null && version !== versionNow)
    return `the runtime was ${version}, its worker now has ${versionNow}`;
  const days = Math.floor((nowMs - Date.parse(record.end_time)) / DAY_MS);
  return days > STALE_AFTER_DAYS ? `measured ${days} days ago` : null;
}

function failureVerdict(failure: Failure): Verdict {
  const { class: failureClass, reason = failureClass, message } = failure;
  const state = failedCellState(failure);
  if (state === "failed") return { state, reason: `${reason}: ${message}` };
  const operator = state === "unsupported" ? operatorOf(message) : undefined;
  return { state, reason: operator === undefined ? message : `operator ${operator}: ${message}` };
}

/** How runtimes name the operator that they lack. */
const operatorPatterns: readonly RegExp[] = [
  /could not find an implementation for (?:the node )?([\w.]+)/i,
  /cannot resolve operator '([\w.]+)'/i,
  /no op registered for ([\w.]+)/i,
  /([\w.]*:?[\w.]+)(?:\(-?\d+\))? is not a registered function\/op/i,
];

function operatorOf(message: string): string | undefined {
  const name = operatorPatterns.map((pattern) => pattern.exec(message)?.[1]).find((found) => found !== undefined);
  return name?.replace(/^:/, "");
}

/** The evidence that is missing; null when it is proven. */
function doubtOf(provenance: Provenance | null): string | null {
  if (provenance === null) return "there is no evidence";
  if (provenance.kind !== "real") return `the result is ${provenance.kind}`;
  if (provenance.proven) return null;
  const failed = provenance.evidence.filter(({ passed }) => !passed);
  return failed.map(({ check, detail }) => `${check}: ${detail}`).join("; ") || "it is only said to be real";
}

/** What it costs that the attempt had to recover; null when nothing was lost. */
function lossOf(recovery: readonly RecoveryStep[], unmeasured: MatrixRecord["unmeasured"]): string | null {
  const steps = recovery.filter(({ strategy }) => strategy === "halve_batch" || strategy === "fallback_hardware");
  const missing = Object.entries(unmeasured ?? {}).map(([size, why]) => `batch size ${size} ${why}`);
  const told = [
    ...steps.filter(({ strategy }) => strategy === "fallback_hardware").map(({ message }) => message),
    ...missing,
  ];
  if (told.length > 0) return told.join("; ");
  return steps[0]?.message ?? null;
}
