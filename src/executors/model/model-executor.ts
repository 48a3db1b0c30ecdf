import { assert } from "../../base/index.ts";
import type { JsonObject } from "../../base/index.ts";
import type { Hardware, RecoveryStep, TaskSpec, TaskSpecOf } from "../../contracts/index.ts";
import type { Platform, PlatformFacts } from "../../platform/index.ts";
import type { ExecutionContext, ExecutionReport, Executor, ExecutorCapabilities, ProbeContext } from "../executor.ts";
import { abortReason, cutShort, interruptedReport } from "../interruption.ts";
import { probeBackend, provenHardware, runtimeCapabilityOf } from "./backend-probe.ts";
import type { BackendProbe } from "./backend-probe.ts";
import { backendFacts, backendNames } from "./backends/backend-names.ts";
import type { BackendName } from "./backends/backend-names.ts";
import { backendsToTry } from "./backends-to-try.ts";
import type { BackendWish } from "./backends-to-try.ts";
import { headlessShell } from "./browser/headless-shell.ts";
import { measuredUnder, readCheckpoint } from "./checkpoint.ts";
import type { ModelRunProgress, ModelRunRequest } from "./messages.ts";
import { conditionsOf, machineName } from "./conditions.ts";
import { attemptModel } from "./model-attempt.ts";
import type { MeasuredReport, ModelAttemptOutcome, Unmeasured } from "./model-attempt.ts";
import { failureDocument } from "./model-failure.ts";
import { modelProvenance } from "./model-provenance.ts";
import { modelHardwareMetrics, modelMetrics, modelResults } from "./model-result.ts";
import { hardwareFallback, MEASURE_AGAIN_AT_MOST, measuredAgainSteps } from "./recovery.ts";

/** Tokens per text unless the task says otherwise; shorter where the model has fewer positions. */
const DEFAULT_SEQUENCE_LENGTH = 128;
const TAIL_BYTES = 16 * 1024;

/** The part of a benchmark's time limit that may go into waiting for a quiet machine and measuring again, at most. */
const SPENT_ON_NOISE = 0.25;

/** Fewer give no interval of the median. */
const BENCHMARK_LAUNCHES = 3;

/** What the inference process sees of the worker's environment: where programs, libraries, devices and certificates are. */
const PASSED_ON = new Set([
  "PATH",
  "HOME",
  "LANG",
  "TZ",
  "TMPDIR",
  "USER",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "NODE_EXTRA_CA_CERTS",
  "VIRTUAL_ENV",
  "PYTHONPATH",
]);
const PASSED_ON_PREFIXES = [
  ...["LC_", "LD_LIBRARY_", "DYLD_", "CUDA_", "NVIDIA_", "ORT_", "VK_", "SSL_CERT_"],
  // PyTorch's devices, and how its threads wait.
  ...["PYTORCH_", "HIP_", "ROCR_", "HSA_", "PJRT_", "XLA_", "TPU_", "OMP_", "MKL_", "KMP_"],
];

/** Runs tasks of type `model` and `benchmark`: real inference in a child process, checked against a reference. */
export class ModelExecutor implements Executor {
  readonly types = ["model", "benchmark"] as const;
  private readonly platform: Platform;
  private readonly wishes: readonly BackendWish[];
  /** What works here, as far as it was tried. */
  private proven: readonly BackendName[] = [];
  /** The machine as it was when the worker started. */
  private facts: PlatformFacts | undefined;

  /** `backends`: what to try besides what the machine suggests. */
  constructor({ platform, backends = [] }: { platform: Platform; backends?: readonly BackendWish[] | undefined }) {
    this.platform = platform;
    this.wishes = backends;
  }

  async capabilities(context: ProbeContext): Promise<ExecutorCapabilities> {
    this.facts = context.facts;
    const probes: BackendProbe[] = [];
    // One after the other: side by side they would slow each other down and could run a small machine out of memory.
    for (const backend of backendsToTry(context.facts, this.wishes)) {
      const { cacheDir, clock } = context;
      probes.push(await probeBackend(backend, { cacheDir, clock, env: await this.environment(backend, context) }));
    }
    this.proven = probes.filter(({ available }) => available).map(({ backend }) => backend);
    return {
      hardware: provenHardware(probes),
      runtimes: probes.map(runtimeCapabilityOf),
      software: softwareOf(probes),
    };
  }

  async execute(spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport> {
    assert(spec.type === "model" || spec.type === "benchmark", `a model executor was given a ${spec.type} task`);
    const backend = this.backendOf(spec, context.hardware);
    if (backend === undefined) {
      const wanted = spec.requirements.backend ?? context.hardware;
      const message = `no runtime of this worker runs models on ${wanted}`;
      return { status: "failed", failure: { class: "setup", reason: "backend_unavailable", message } };
    }
    const request = requestOf(spec, { backend, cacheDir: context.cacheDir });
    const under = measuredUnder(request, this.facts === undefined ? "" : machineName(this.facts));
    const conditions = this.facts === undefined ? {} : { conditions: conditionsOf(this.facts) };
    const report = progressReporter(context, launchesOf(spec) * (request.batchSizes.length + 1));
    const outcome = await attemptModel(request, {
      under,
      launches: launchesOf(spec),
      resumption: readCheckpoint(context.resumed, under),
      env: await this.environment(backend, context),
      clock: context.clock,
      oomKills: () => this.platform.processes.oomKills(),
      signal: context.signal,
      onProgress: report.progress,
      onCheckpoint: report.checkpoint,
      onOutput: (text) => context.log("stderr", text),
    });
    const made = reportOf(outcome, { backend, signal: context.signal });
    const { hardware } = context;
    const fallback = hardwareFallback(spec, { hardware, succeeded: outcome.status === "completed" });
    const recovery = [...(fallback === undefined ? [] : [fallback]), ...recoveryOf(outcome)];
    return {
      ...made,
      results: { ...made.results, ...conditions, ...resumeResults(outcome) },
      recovery,
      outputTail: tailOf(outcome.log),
    };
  }

  /** The backend that the task names, or the first that is proven to serve its platform. */
  private backendOf({ requirements }: TaskSpec, hardware: Hardware | null): BackendName | undefined {
    if (requirements.backend !== undefined) return backendNames.find((name) => name === requirements.backend);
    const serves = (name: BackendName): boolean => backendFacts[name].hardware === (hardware ?? "cpu");
    return this.proven.find(serves) ?? backendNames.find(serves);
  }

  /** Without a GPU, Vulkan programs need to be told of the software that stands in for one. */
  private async environment(
    backend: BackendName,
    { env, cacheDir }: Pick<ExecutionContext, "env" | "cacheDir">,
  ): Promise<Record<string, string | undefined>> {
    const passed = inferenceEnvironment(env);
    if (backend !== "ort-node/webgpu" || this.facts?.gpus.length !== 0 || passed["VK_ICD_FILENAMES"] !== undefined)
      return passed;
    const shell = await headlessShell(cacheDir);
    if (shell === undefined) return passed;
    const libraries = [shell.folder, passed["LD_LIBRARY_PATH"]].filter((part) => part !== undefined).join(":");
    return { ...passed, VK_ICD_FILENAMES: shell.vulkanDriver, LD_LIBRARY_PATH: libraries };
  }
}

function softwareOf(probes: readonly BackendProbe[]): Record<string, string> {
  return Object.fromEntries(
    probes.filter((probe) => probe.available).map(({ backend, version }) => [backendFacts[backend].runtime, version]),
  );
}

function inferenceEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const passes = (name: string): boolean =>
    PASSED_ON.has(name.toUpperCase()) || PASSED_ON_PREFIXES.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(Object.entries(env).filter(([name]) => passes(name)));
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
    batchSizes: [...new Set(config.batch_sizes)],
    // Each launch takes its part.
    iterations: Math.ceil(config.iterations / launchesOf(spec)),
    minDurationMs: (config.min_duration_seconds * 1000) / launchesOf(spec),
    warmupIterations: config.warmup_iterations,
    // A task of type model asks whether it works; only benchmarks are worth a wait.
    ...(spec.type === "benchmark"
      ? { measureAgain: { atMost: MEASURE_AGAIN_AT_MOST, withinMs: spec.timeout_seconds * 1000 * SPENT_ON_NOISE } }
      : {}),
    sequenceLength: config.sequence_length ?? DEFAULT_SEQUENCE_LENGTH,
    ...(config.tolerance === undefined ? {} : { tolerance: config.tolerance }),
    seed: config.seed,
  };
}

function launchesOf({ type, config }: ModelTask): number {
  return config.launches ?? (type === "benchmark" ? BENCHMARK_LAUNCHES : 1);
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

function recoveryOf({ recovery, resumed, ...outcome }: ModelAttemptOutcome): RecoveryStep[] {
  const batches = outcome.status === "completed" ? outcome.report.batches : outcome.partial.batches;
  return [...recovery, ...measuredAgainSteps(batches.filter(({ batchSize }) => !resumed.includes(batchSize)))];
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
