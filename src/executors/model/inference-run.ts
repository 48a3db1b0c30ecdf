import { seededRng } from "../../base/index.ts";
import { createFeeds, createSamples, positionLimit } from "../../models/index.ts";
import type { ModelFolder, Sample } from "../../models/index.ts";
import { quantile, summarizeLatency } from "../../stats/index.ts";
import type { Backend, BoundRun, Outputs, Session } from "./backends/backend.ts";
import type { Placement } from "./backends/placement.ts";
import { backendFacts } from "./backends/backend-names.ts";
import { BatchChecker } from "./batch-checker.ts";
import { canGenerate, measureGeneration, NEW_TOKENS } from "./generation.ts";
import { largestPeak } from "./inference-host.ts";
import type { InferenceHost, RunControl } from "./inference-host.ts";
import { NoiseBudget, noiseReason, quietest, spreadOf } from "./machine-noise.ts";
import type { Noise } from "./machine-noise.ts";
import type { BatchReport, FinalMessage, GenerationReport, LoadReport, ModelRunReport } from "./messages.ts";
import type { ModelRunRequest, RoundReport } from "./messages.ts";
import { classifyFailure } from "./model-failure.ts";
import { defaultTolerance, leastCosine } from "./output-check.ts";
import { timedLoop } from "./timed-loop.ts";

/** How many timed iterations' outputs are compared again. */
const KEPT_OUTPUTS = 3;

/** Each has 15 steps after the first token; ten of them give the 130 samples that a p95 needs. */
const MAX_GENERATIONS = 10;

/** One time through the timed loop. */
interface Round extends Noise {
  readonly samplesMs: readonly number[];
  readonly kept: readonly Outputs[];
  readonly peakMemoryBytes: number | null;
  readonly ownLoad: number | null;
}

/** A model that is loaded and answered once. */
interface Loaded {
  readonly model: ModelFolder;
  readonly backend: Backend;
  readonly session: Session;
  /** The first so many. */
  readonly samples: (count: number) => readonly Sample[];
  readonly checker: BatchChecker;
  readonly report: LoadReport;
}

/**
 * One run of one model on one backend, in a process of its own or a page: load, first inference, each batch size (check, warm-up, timed loop,
 * re-check), generation, and at last the profiler's word on who ran what.
 */
export class InferenceRun {
  /** What is being done, for messages. */
  private stage = "starting";
  /** Whether the model has answered once. */
  private loaded = false;
  private readonly request: ModelRunRequest;
  private readonly host: InferenceHost;
  private readonly control: RunControl;
  private peakBytes: number | null = null;
  private readonly noiseBudget: NoiseBudget;

  constructor(request: ModelRunRequest, host: InferenceHost, control: RunControl) {
    this.request = request;
    this.host = host;
    this.control = control;
    this.noiseBudget = new NoiseBudget(request.measureAgain?.withinMs ?? 0);
  }

  /** Runs to the end, whatever that is. Never rejects. */
  async outcome(): Promise<FinalMessage> {
    try {
      return { type: "completed", report: await this.run() };
    } catch (error) {
      if (this.control.signal.aborted) return { type: "cancelled" };
      const failure = classifyFailure(error, this.loaded);
      return { type: "failed", failure: { class: failure.class, message: `${this.stage}: ${failure.message}` } };
    }
  }

  private async run(): Promise<ModelRunReport> {
    const loaded = await this.load();
    const batches: BatchReport[] = [];
    let generation: GenerationReport | null;
    try {
      for (const batchSize of this.request.batchSizes) {
        this.control.progress({ stage: "batch_started", batchSize });
        const batch = await this.measureBatch(loaded, batchSize);
        batches.push(batch);
        this.control.progress({ stage: "batch_finished", batch });
      }
      generation = this.request.measuresOnly ? null : await this.generate(loaded);
    } finally {
      await loaded.session.dispose();
    }
    await this.notePeak();
    const placement = this.request.measuresOnly ? null : await this.place(loaded);
    const memory = { peakBytes: this.peakBytes, source: this.host.memory.source };
    return { load: loaded.report, batches, generation, placement, memory };
  }

  private async load(): Promise<Loaded> {
    const { request, host, control } = this;
    this.stage = `finding model ${request.model}`;
    const { model, reference } = await host.openModel(request, control.signal);
    this.stage = `loading ${request.model} on ${request.backend}`;
    const backend = await host.loadBackend(request);
    const startMs = host.clock.monotonicMs();
    const session = await backend.create(model);
    const loadMs = host.clock.monotonicMs() - startMs;
    this.stage = `first inference of ${request.model} on ${request.backend}`;
    const firstBatchSize = request.firstBatchSize ?? request.batchSizes[0] ?? 1;
    control.progress({ stage: "first_inference", batchSize: firstBatchSize });
    const samples = this.samplesFor(model, session);
    const feeds = createFeeds(samples(firstBatchSize), session.inputs);
    const firstStartMs = host.clock.monotonicMs();
    const bound = await session.bind(feeds);
    await bound.run();
    const firstInferenceMs = host.clock.monotonicMs() - firstStartMs;
    this.loaded = true;
    const tolerance = request.tolerance ?? defaultTolerance(model.precision);
    const checker = new BatchChecker({
      reference,
      samples,
      tolerance,
      leastCosine: leastCosine(model.precision),
    });
    const report = loadReport({ model, backend, host, loadMs, firstInferenceMs });
    this.control.progress({ stage: "loaded", load: report });
    return { model, backend, session, samples, checker, report };
  }

  /** Made when first needed: those of a large batch may be what does not fit in memory, and it must be known which batch that was. */
  private samplesFor(model: ModelFolder, session: Session): (count: number) => readonly Sample[] {
    const { seed, sequenceLength } = this.request;
    const shape = { config: model.config, inputs: session.inputs };
    const options = { seed, sequenceLength, padding: model.architecture !== "decoder-only" };
    let made: Sample[] = [];
    return (count) => {
      if (made.length < count) made = createSamples(shape, count, options);
      return made.slice(0, count);
    };
  }

  private async measureBatch(loaded: Loaded, batchSize: number): Promise<BatchReport> {
    const { request } = this;
    this.stage = `${request.model} on ${request.backend}, batch size ${batchSize}`;
    const { session, checker } = loaded;
    const bound = await session.bind(createFeeds(loaded.samples(batchSize), session.inputs));
    const checkedOutputs = await (await bound.run()).outputs();
    const check = checker.check(checkedOutputs, batchSize);
    await this.notePeak();
    const rounds = await this.measureRounds(bound, batchSize);
    const chosen = quietest(rounds);
    const { samplesMs, kept, peakMemoryBytes } = rounds[chosen] as Round;
    const totalMs = samplesMs.reduce((sum, value) => sum + value, 0);
    return {
      batchSize,
      warmupIterations: request.warmupIterations,
      samplesMs,
      latencyMs: summarizeLatency(samplesMs),
      throughputItemsPerSecond: (batchSize * samplesMs.length * 1000) / totalMs,
      peakMemoryBytes,
      rounds: rounds.map((round, index) => roundReport(round, index === chosen)),
      check,
      recheck: { iterations: kept.length, maxAbsError: checker.recheck(kept, checkedOutputs) },
    };
  }

  /** Once, and again while the machine is noisy and there is time for it. */
  private async measureRounds(bound: BoundRun, batchSize: number): Promise<Round[]> {
    const { clock } = this.host;
    const startMs = clock.monotonicMs();
    let round = await this.measureRound(bound, batchSize);
    const tookMs = clock.monotonicMs() - startMs;
    this.noiseBudget.measured(tookMs);
    const rounds = [round];
    while (noiseReason(round) !== undefined && rounds.length <= (this.request.measureAgain?.atMost ?? 0)) {
      const waitMs = this.noiseBudget.again(tookMs);
      if (waitMs === undefined) break;
      await this.host.wait(waitMs, this.control.signal);
      round = await this.measureRound(bound, batchSize);
      rounds.push(round);
    }
    return rounds;
  }

  private async measureRound(bound: BoundRun, batchSize: number): Promise<Round> {
    const { request, host } = this;
    host.collectGarbage();
    await host.memory.reset();
    const cpuUse = await host.watchCpu();
    const { samplesMs, kept } = await timedLoop<Outputs>(
      () => bound.run(),
      {
        warmupIterations: request.warmupIterations,
        iterations: request.iterations,
        minDurationMs: request.minDurationMs,
        keep: KEPT_OUTPUTS,
      },
      {
        rng: seededRng(request.seed + batchSize),
        cancellationPoint: this.cancellationPoint,
        onWarm: () => this.control.progress({ stage: "timing_started", batchSize }),
      },
    );
    this.control.progress({ stage: "timing_ended", batchSize });
    const { own: ownLoad, others: othersLoad } = await cpuUse();
    const noise = { spread: spreadOf(samplesMs), othersLoad };
    return { samplesMs, kept, peakMemoryBytes: await this.notePeak(), ownLoad, ...noise };
  }

  private async generate(loaded: Loaded): Promise<GenerationReport | null> {
    const [sample] = loaded.samples(1);
    if (!canGenerate(loaded.session) || sample?.kind !== "text") return null;
    this.stage = `generation by ${this.request.model} on ${this.request.backend}`;
    const room = Math.max(1, positionLimit(loaded.model.config) - NEW_TOKENS);
    const prompt = sample.inputIds.slice(0, room);
    const plan = {
      prompt,
      repeats: Math.min(this.request.iterations, MAX_GENERATIONS),
      tolerance: loaded.checker.tolerance,
    };
    return measureGeneration(loaded.session, plan, this.cancellationPoint);
  }

  /** After the timed part and with the first session gone, so that profiling costs neither time nor memory in the figures. */
  private async place(loaded: Loaded): Promise<Placement | null> {
    this.stage = `profiling ${this.request.model} on ${this.request.backend}`;
    const feeds = createFeeds(loaded.samples(1), loaded.session.inputs);
    return loaded.backend.place(loaded.model, feeds);
  }

  /** Throws when the run was cancelled. Runtimes keep the event loop busy: without a turn of it that would never be heard. */
  private readonly cancellationPoint = async (): Promise<void> => {
    await this.host.yieldToMessages();
    this.control.signal.throwIfAborted();
  };

  private async notePeak(): Promise<number | null> {
    const bytes = await this.host.memory.peakBytes();
    this.peakBytes = largestPeak([this.peakBytes, bytes]);
    return bytes;
  }
}

function roundReport(round: Round, chosen: boolean): RoundReport {
  const { samplesMs, spread, othersLoad, ownLoad } = round;
  const noise = noiseReason(round) ?? null;
  const p50Ms = quantile(samplesMs, 0.5);
  return { count: samplesMs.length, p50Ms, spread, othersLoad, ownLoad, power: null, noise, chosen };
}

function loadReport(parts: {
  readonly model: ModelFolder;
  readonly backend: Backend;
  readonly host: InferenceHost;
  readonly loadMs: number;
  readonly firstInferenceMs: number;
}): LoadReport {
  const { id, family, architecture, sha256, parameterCount, precision, source } = parts.model;
  return {
    model: { id, family, architecture, sha256, parameterCount, precision, source },
    backend: {
      requested: parts.backend.name,
      runtime: backendFacts[parts.backend.name].runtime,
      runtimeVersion: parts.backend.version,
      engine: parts.host.engine,
      device: parts.backend.device,
      threads: parts.backend.threads,
    },
    processStartMs: parts.host.startedMs,
    loadMs: parts.loadMs,
    firstInferenceMs: parts.firstInferenceMs,
  };
}
