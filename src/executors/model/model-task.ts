import { assert } from "../../base/index.ts";
import type { JsonObject } from "../../base/index.ts";
import { batchSizesOf, launchesOf } from "../../contracts/index.ts";
import type { Hardware, RecoveryStep, TaskSpec, TaskSpecOf } from "../../contracts/index.ts";
import type { ExecutionContext, ExecutionReport } from "../executor.ts";
import { abortReason, cutShort, interruptedReport } from "../interruption.ts";
import { backendFacts, backendNames } from "./backends/backend-names.ts";
import type { BackendName } from "./backends/backend-names.ts";
import { searchResult } from "./batch-size-search.ts";
import { measuredUnder, readCheckpoint } from "./checkpoint.ts";
import type { MeasuredBatch } from "./launches.ts";
import type { ModelRunProgress, ModelRunRequest } from "./messages.ts";
import { attemptModel } from "./model-attempt.ts";
import type { MeasuredReport, ModelAttemptOutcome, Unmeasured } from "./model-attempt.ts";
import { failureDocument } from "./model-failure.ts";
import { modelProvenance } from "./model-provenance.ts";
import { modelHardwareMetrics, modelMetrics, modelResults } from "./model-result.ts";
import type { RunModel } from "./model-run.ts";
import { hardwareFallback, MEASURE_AGAIN_AT_MOST, measuredAgainSteps } from "./recovery.ts";

/** Tokens per text unless the task says otherwise; shorter where the model has fewer positions. */
const DEFAULT_SEQUENCE_LENGTH = 128;
const TAIL_BYTES = 16 * 1024;

/** The part of a benchmark's time limit that may go into waiting for a quiet machine and measuring again, at most. */
const SPENT_ON_NOISE = 0.25;

/** Where a task's model runs. */
export interface ModelPlace {
  /** Undefined: nothing there runs models as the task wants it. */
  readonly backend: BackendName | undefined;
  /** Figures are comparable on machines that say the same of themselves. */
  readonly machine: string;
  /** Under what figures are measured; see `conditionsOf`. */
  readonly conditions: JsonObject;
  readonly run: RunModel;
}

/** Executes a task of type `model` or `benchmark`: real inference, checked against a reference. */
export async function executeModelTask(
  spec: TaskSpec,
  context: ExecutionContext,
  { backend, machine, conditions, run }: ModelPlace,
): Promise<ExecutionReport> {
  assert(spec.type === "model" || spec.type === "benchmark", `a model executor was given a ${spec.type} task`);
  if (backend === undefined) {
    const wanted = spec.requirements.backend ?? context.hardware;
    const message = `no runtime of this worker runs models on ${wanted}`;
    return { status: "failed", failure: { class: "setup", reason: "backend_unavailable", message } };
  }
  const request = requestOf(spec, { backend, cacheDir: context.cacheDir });
  const under = measuredUnder(request, machine);
  const report = progressReporter(context, launchesOf(spec) * (request.batchSizes.length + 1));
  const outcome = await attemptModel(request, {
    run,
    launches: launchesOf(spec),
    searches: spec.config.max_batch_size !== undefined,
    under,
    resumption: readCheckpoint(context.resumed, under),
    signal: context.signal,
    onProgress: report.progress,
    onCheckpoint: report.checkpoint,
    onOutput: (text) => context.log("stderr", text),
  });
  const made = reportOf(outcome, { backend, signal: context.signal });
  const search =
    spec.config.max_batch_size === undefined ? undefined : searchResult(batchesOf(outcome), outcome.tooLarge);
  const { hardware } = context;
  const fallback = hardwareFallback(spec, { hardware, succeeded: outcome.status === "completed" });
  const recovery = [...(fallback === undefined ? [] : [fallback]), ...recoveryOf(outcome)];
  return {
    ...made,
    results: { ...made.results, ...(search && { batch_size_search: search }), conditions, ...resumeResults(outcome) },
    recovery,
    outputTail: tailOf(outcome.log),
  };
}

type ModelTask = TaskSpecOf<"model"> | TaskSpecOf<"benchmark">;

function requestOf(spec: ModelTask, where: { backend: BackendName; cacheDir: string }): ModelRunRequest {
  const { config } = spec;
  const cores = spec.resources.cpu;
  return {
    model: config.model,
    cacheDir: where.cacheDir,
    precision: config.precision,
    backend: where.backend,
    // A task that reserves cores gets as many threads, and its neighbours keep theirs.
    ...(cores === undefined ? {} : { threads: Math.max(1, Math.floor(cores)) }),
    batchSizes: batchSizesOf(config),
    // Each launch takes its part.
    iterations: Math.ceil(config.iterations / launchesOf(spec)),
    minDurationMs: (config.min_duration_seconds * 1000) / launchesOf(spec),
    warmupIterations: config.warmup_iterations,
    // A task of type model asks whether it works; only benchmarks are worth a wait.
    ...(spec.type === "benchmark"
      ? {
          measureAgain: {
            atMost: MEASURE_AGAIN_AT_MOST,
            withinMs: (spec.timeout_seconds * 1000 * SPENT_ON_NOISE) / launchesOf(spec),
          },
        }
      : {}),
    sequenceLength: config.sequence_length ?? DEFAULT_SEQUENCE_LENGTH,
    ...(config.tolerance === undefined ? {} : { tolerance: config.tolerance }),
    seed: config.seed,
  };
}

/** Loading counts as one step, each batch size as another. */
function progressReporter(
  context: ExecutionContext,
  total: number,
): { progress: (progress: ModelRunProgress) => void; checkpoint: (payload: string) => void } {
  let steps = 0;
  let latest = "loading the model";
  const report = (more: { payload?: string } = {}): void =>
    context.progress({ fraction: Math.min(1, steps / total), message: latest, ...more });
  return {
    progress: (progress) => {
      if (progress.stage === "loaded" || progress.stage === "batch_finished") steps += 1;
      if (progress.stage === "batch_started") latest = `batch size ${progress.batchSize}`;
      if (progress.stage === "started" || progress.stage === "batch_started") report();
    },
    checkpoint: (payload) => report({ payload }),
  };
}

function batchesOf(outcome: ModelAttemptOutcome): readonly MeasuredBatch[] {
  return outcome.status === "completed" ? outcome.report.batches : outcome.partial.batches;
}

function recoveryOf(outcome: ModelAttemptOutcome): RecoveryStep[] {
  const { recovery, resumed } = outcome;
  return [
    ...recovery,
    ...measuredAgainSteps(batchesOf(outcome).filter(({ batchSize }) => !resumed.includes(batchSize))),
  ];
}

/** Which figures are an earlier attempt's, or why none are. */
function resumeResults({ resumed, ignored }: ModelAttemptOutcome): Record<string, JsonObject> {
  if (ignored !== undefined) return { resume: { ignored } };
  return resumed.length === 0 ? {} : { resume: { batch_sizes: [...resumed] } };
}

function reportOf(
  outcome: ModelAttemptOutcome,
  { backend, signal }: { backend: BackendName; signal: AbortSignal },
): ExecutionReport {
  if (outcome.status === "completed") return completed(outcome.report, outcome.unmeasured);
  const { partial, unmeasured } = outcome;
  const metrics = modelMetrics(partial);
  const measured = { results: modelResults({ ...partial, unmeasured }), metrics };
  const cut: Pick<ExecutionReport, "partial"> = metrics.length === 0 ? {} : { partial: true };
  if (outcome.status === "cancelled")
    return { ...interruptedReport(abortReason(signal) ?? "cancelled"), ...measured, ...cut };
  const failure = failureDocument(outcome.failure);
  return {
    status: "failed",
    failure,
    ...measured,
    ...(cutShort(failure) ? cut : {}),
    provenance: { kind: "real", proven: false, requested_backend: backend, evidence: [] },
  };
}

function completed(report: MeasuredReport, unmeasured: readonly Unmeasured[]): ExecutionReport {
  const provenance = modelProvenance(report);
  const hardware = hardwareOf(report.load.backend.requested, provenance.observed_backend);
  return {
    status: "completed",
    results: modelResults({ ...report, unmeasured }),
    metrics: modelMetrics(report),
    hardwareMetrics: modelHardwareMetrics(report),
    provenance,
    ...(hardware === undefined ? {} : { hardware }),
  };
}

/** The platform that ran most of the model: a runtime may have fallen back, and then names its own provider. */
function hardwareOf(requested: BackendName, observed: string | undefined): Hardware | undefined {
  if (observed === undefined || observed === requested) return backendFacts[requested].hardware;
  const { runtime } = backendFacts[requested];
  const name = backendNames.find(
    (one) => backendFacts[one].runtime === runtime && backendFacts[one].providerInProfile === observed,
  );
  return name === undefined ? undefined : backendFacts[name].hardware;
}

function tailOf(log: string): Uint8Array {
  return new TextEncoder().encode(log).subarray(-TAIL_BYTES);
}
