import { assert } from "../../base/index.ts";
import type { Hardware, ModelConfig, TaskSpec } from "../../contracts/index.ts";
import type { PlatformFacts } from "../../platform/index.ts";
import type { ExecutionContext, ExecutionReport, Executor, ExecutorCapabilities, ProbeContext } from "../executor.ts";
import { abortReason, interruptedReport } from "../interruption.ts";
import { probeBackend, provenHardware, runtimeCapabilityOf } from "./backend-probe.ts";
import type { BackendProbe } from "./backend-probe.ts";
import { backendFacts, backendNames } from "./backends/backend-names.ts";
import type { BackendName } from "./backends/backend-names.ts";
import type { ModelRunProgress, ModelRunReport, ModelRunRequest } from "./messages.ts";
import { runModel } from "./model-driver.ts";
import type { ModelRunOutcome } from "./model-driver.ts";
import { failureDocument } from "./model-failure.ts";
import { modelProvenance } from "./model-provenance.ts";
import { modelHardwareMetrics, modelMetrics, modelResults } from "./model-result.ts";

/** Tokens per text unless the task says otherwise; shorter where the model has fewer positions. */
const DEFAULT_SEQUENCE_LENGTH = 128;
const TAIL_BYTES = 16 * 1024;

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
]);
const PASSED_ON_PREFIXES = ["LC_", "LD_LIBRARY_", "DYLD_", "CUDA_", "NVIDIA_", "ORT_", "VK_", "SSL_CERT_"];

/** Which backend serves a platform, for those that have one; the first that serves it counts. */
const backendFor: ReadonlyMap<Hardware, BackendName> = new Map(
  backendNames.toReversed().map((name) => [backendFacts[name].hardware, name] as const),
);

/** Runs tasks of type `model` and `benchmark`: real inference in a child process, checked against a reference. */
export class ModelExecutor implements Executor {
  readonly types = ["model", "benchmark"] as const;

  async capabilities(context: ProbeContext): Promise<ExecutorCapabilities> {
    const options = { cacheDir: context.cacheDir, env: inferenceEnvironment(context.env), clock: context.clock };
    const probes: BackendProbe[] = [];
    // One after the other: side by side they would slow each other down and could run a small machine out of memory.
    for (const backend of plausibleBackends(context.facts)) probes.push(await probeBackend(backend, options));
    return {
      hardware: provenHardware(probes),
      runtimes: probes.map(runtimeCapabilityOf),
      software: softwareOf(probes),
    };
  }

  async execute(spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport> {
    assert(spec.type === "model" || spec.type === "benchmark", `a model executor was given a ${spec.type} task`);
    const backend = backendFor.get(context.hardware ?? "cpu");
    if (backend === undefined) {
      const message = `no runtime of this worker runs models on ${context.hardware}`;
      return { status: "failed", failure: { class: "setup", reason: "backend_unavailable", message } };
    }
    const batches = spec.config.batch_sizes.length;
    const outcome = await runModel(
      requestOf(spec.config, { backend, cacheDir: context.cacheDir, cores: spec.resources.cpu }),
      {
        env: inferenceEnvironment(context.env),
        clock: context.clock,
        signal: context.signal,
        onProgress: progressReporter(context, batches),
        onOutput: (text) => context.log("stderr", text),
      },
    );
    return { ...reportOf(outcome, { backend, signal: context.signal }), outputTail: tailOf(outcome.log) };
  }
}

/** What could work here. Each is then tried: drivers and libraries are often not what they seem. */
function plausibleBackends({ os, gpus }: PlatformFacts): BackendName[] {
  const nvidia = gpus.some(({ vendor }) => vendor === "NVIDIA");
  return [
    "ort-node/cpu",
    ...(nvidia ? (["ort-node/cuda"] as const) : []),
    ...(gpus.length > 0 ? (["ort-node/webgpu"] as const) : []),
    ...(os.platform === "win32" ? (["ort-node/dml"] as const) : []),
    ...(os.platform === "darwin" ? (["ort-node/coreml", "ort-node/webgpu"] as const) : []),
    "ort-web/wasm",
  ];
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

function requestOf(
  config: ModelConfig,
  where: { backend: BackendName; cacheDir: string; cores: number | undefined },
): ModelRunRequest {
  return {
    model: config.model,
    cacheDir: where.cacheDir,
    precision: config.precision,
    backend: where.backend,
    // A task that reserves cores gets as many threads, and its neighbours keep theirs.
    ...(where.cores === undefined ? {} : { threads: Math.max(1, Math.floor(where.cores)) }),
    batchSizes: config.batch_sizes,
    iterations: config.iterations,
    minDurationMs: config.min_duration_seconds * 1000,
    warmupIterations: config.warmup_iterations,
    sequenceLength: config.sequence_length ?? DEFAULT_SEQUENCE_LENGTH,
    ...(config.tolerance === undefined ? {} : { tolerance: config.tolerance }),
    seed: config.seed,
  };
}

/** Loading counts as one step, each batch size as another. */
function progressReporter(context: ExecutionContext, batches: number): (progress: ModelRunProgress) => void {
  let steps = 0;
  const report = (message: string): void => context.progress({ fraction: steps / (batches + 1), message });
  return (progress) => {
    if (progress.stage === "loaded" || progress.stage === "batch_finished") steps += 1;
    if (progress.stage === "started") report("loading the model");
    else if (progress.stage === "batch_started") report(`batch size ${progress.batchSize}`);
  };
}

function reportOf(
  outcome: ModelRunOutcome,
  { backend, signal }: { backend: BackendName; signal: AbortSignal },
): ExecutionReport {
  switch (outcome.status) {
    case "completed":
      return completed(outcome.report);
    case "failed":
      return {
        status: "failed",
        failure: failureDocument(outcome.failure),
        results: modelResults(outcome.partial),
        metrics: modelMetrics(outcome.partial),
        provenance: { kind: "real", proven: false, requested_backend: backend, evidence: [] },
      };
    case "cancelled":
      return {
        ...interruptedReport(abortReason(signal) ?? "cancelled"),
        results: modelResults(outcome.partial),
        metrics: modelMetrics(outcome.partial),
      };
  }
}

function completed(report: ModelRunReport): ExecutionReport {
  const provenance = modelProvenance(report);
  const hardware = hardwareOf(report.load.backend.requested, provenance.observed_backend);
  return {
    status: "completed",
    results: modelResults(report),
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
