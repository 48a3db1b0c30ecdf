import type {
  Failure,
  Hardware,
  ModelFailureReason,
  RecoveryStep,
  RecoveryStrategy,
  TaskSpec,
} from "../../contracts/index.ts";
import type { MeasuredBatch } from "./launches.ts";
import type { RoundReport } from "./messages.ts";
import { failureDocument } from "./model-failure.ts";
import type { ModelFailure } from "./model-failure.ts";
import type { NoiseReason } from "./machine-noise.ts";
import type { BackendFacts } from "./backends/backend-names.ts";

/** What is done within an attempt against some failures, on some platforms or in browsers. */
export interface RecoveryRule {
  readonly against: readonly (ModelFailureReason | NoiseReason)[];
  readonly on: readonly Hardware[] | "browsers" | "any";
  readonly strategy: RecoveryStrategy;
  /**
   * So often in one attempt (a batch size is measured again so often in each launch); after that the next rule, and after the last the attempt fails
   * and the task's retry policy goes on.
   */
  readonly atMost: number;
}

/** The first rule that fits and is not used up is followed. */
export const recoveryTable: readonly RecoveryRule[] = [
  // 16 halvings lead from the largest batch that a task may ask for to 1.
  { against: ["out_of_memory"], on: "any", strategy: "halve_batch", atMost: 16 },
  // An error of CUDA, or of ROCm after its model, stays with the process that met it: all later calls fail as well.
  { against: ["cuda_error", "device_lost"], on: ["cuda", "rocm"], strategy: "fresh_process", atMost: 1 },
  { against: ["device_lost"], on: "any", strategy: "new_device", atMost: 1 },
  // Pages and graphics processes of browsers crash for reasons that a fresh browser does not have.
  { against: ["crash", "device_lost"], on: "browsers", strategy: "fresh_process", atMost: 1 },
  { against: ["cuda_error", "device_lost"], on: "any", strategy: "hand_back", atMost: 1 },
  { against: ["noisy_timing", "busy_machine"], on: "any", strategy: "measure_again", atMost: 2 },
];

/** What to do about a failure, given what was done before in the attempt; undefined when nothing is left to try. */
export function nextStrategy(
  place: Pick<BackendFacts, "hardware" | "browser">,
  reason: ModelFailureReason | NoiseReason,
  taken: readonly { readonly strategy: RecoveryStrategy }[],
): RecoveryStrategy | undefined {
  return recoveryTable.find(
    (rule) =>
      rule.against.includes(reason) &&
      isAt(rule.on, place) &&
      taken.filter(({ strategy }) => strategy === rule.strategy).length < rule.atMost,
  )?.strategy;
}

function isAt(on: RecoveryRule["on"], { hardware, browser }: Pick<BackendFacts, "hardware" | "browser">): boolean {
  if (on === "browsers") return browser !== undefined;
  return on === "any" || on.includes(hardware);
}

/** How often a noisy measurement is taken again. */
export const MEASURE_AGAIN_AT_MOST = Math.max(
  ...recoveryTable.filter(({ strategy }) => strategy === "measure_again").map(({ atMost }) => atMost),
);

/** A step as a result shows it. */
export function stepAgainst(failure: ModelFailure, strategy: RecoveryStrategy, message: string): RecoveryStep {
  return { ...causeOf(failureDocument(failure)), strategy, message: message.slice(0, 2_000), succeeded: false };
}

function causeOf({ class: failureClass, reason }: Failure): Pick<RecoveryStep, "class" | "reason"> {
  return { class: failureClass, ...(reason === undefined ? {} : { reason }) };
}

/** Each round after a noisy one is a step: whether it was quiet is what it was for. */
export function measuredAgainSteps(batches: readonly Pick<MeasuredBatch, "batchSize" | "launches">[]): RecoveryStep[] {
  return batches.flatMap(({ batchSize, launches }) =>
    launches.flatMap(({ rounds }) =>
      rounds.slice(0, -1).map((round, index): RecoveryStep => ({
        strategy: "measure_again",
        class: "setup",
        reason: round.noise ?? "noisy_timing",
        message: `batch size ${batchSize}: ${noiseText(round)}; measured again`,
        succeeded: rounds[index + 1]?.noise === null,
      })),
    ),
  );
}

function noiseText({ noise, spread, othersLoad }: RoundReport): string {
  return noise === "busy_machine"
    ? `other processes used ${Math.round((othersLoad ?? 0) * 100)} % of the machine`
    : `the iterations varied by ${Math.round((spread ?? 0) * 100)} %`;
}

/** That a task runs on another platform than the first it asked for, which the coordinator decided, and why it may. */
export function hardwareFallback(
  { requirements, fallback }: Pick<TaskSpec, "requirements" | "fallback">,
  { hardware, succeeded }: { hardware: Hardware | null; succeeded: boolean },
): RecoveryStep | undefined {
  const wanted = requirements.hardware ?? [];
  const [first] = wanted;
  if (first === undefined || hardware === null || hardware === first) return undefined;
  const opened = fallback.find((set) => set.hardware.includes(hardware))?.after_seconds ?? 0;
  const allowed = wanted.includes(hardware)
    ? `requirements.hardware names ${hardware} too`
    : `its fallback allows ${hardware} after ${opened} s`;
  return {
    strategy: "fallback_hardware",
    class: "setup",
    reason: "backend_unavailable",
    message:
      `no worker with ${first} took the task; ${allowed}. Its times are those of ${hardware}: ` +
      `the view fallback_impact sets them against ${first}'s`,
    succeeded,
  };
}

/**
 * The batch sizes that are still to be tried once one did not fit in memory: none as large, and its half instead of it unless that was
 * measured; in a search, which comes from below, what fitted last stands for the half. Undefined when there is no half.
 */
export function halved(
  failed: number,
  {
    waiting,
    measured,
    searches = false,
  }: { readonly waiting: readonly number[]; readonly measured: ReadonlySet<number>; readonly searches?: boolean },
): { readonly half: number; readonly waiting: readonly number[]; readonly dropped: readonly number[] } | undefined {
  const fitted = searches ? Math.max(0, ...[...measured].filter((size) => size < failed)) : 0;
  const half = fitted || Math.floor(failed / 2);
  if (half < 1) return undefined;
  const dropped = waiting.filter((size) => size >= failed);
  const smaller = waiting.filter((size) => size < failed && size !== half);
  return { half, dropped, waiting: measured.has(half) ? smaller : [half, ...smaller] };
}
