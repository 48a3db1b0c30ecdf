import { meanInterval, quantile, summarizeLatency } from "../../stats/index.ts";
import type { Interval } from "../../stats/index.ts";
import { largestPeak } from "./inference-host.ts";
import type { BatchReport, RoundReport } from "./messages.ts";

/** What one process measured of a batch size. */
export interface LaunchReport {
  readonly count: number;
  readonly p50Ms: number;
  /** In order, the one that counts included. */
  readonly rounds: readonly RoundReport[];
}

/** A batch size over all processes that measured it. */
export interface MeasuredBatch extends Omit<BatchReport, "rounds"> {
  readonly launches: readonly LaunchReport[];
  /**
   * Of the median, with 95 % confidence, from the medians of the launches: processes differ by where their memory lies, which no number
   * of iterations in one of them shows (Kalibera, Jones 2013). `null` for fewer than three.
   */
  readonly p50IntervalMs: Interval | null;
  /** Iterations beyond three interquartile ranges from the middle half (Tukey 1977): told, never left out. */
  readonly outliers: number;
}

const FAR_OUT = 3;

/**
 * The reports of one batch size, one for each launch in order, as one. The first one's output check was the same for all. Of a launch of an
 * earlier attempt some iterations may be gone: it stays a launch, with the median of all of them, but the summary is of whole launches.
 */
export function combineLaunches(reports: readonly [BatchReport, ...BatchReport[]]): MeasuredBatch {
  const [{ rounds: _rounds, ...first }] = reports;
  const launches = reports.map(({ latencyMs, rounds }) => ({ count: latencyMs.count, p50Ms: latencyMs.p50, rounds }));
  const whole = reports.filter(({ samplesMs, latencyMs }) => samplesMs.length === latencyMs.count);
  const figures = whole.length === 0 ? first : figuresOf(first.batchSize, whole);
  return {
    ...first,
    ...figures,
    peakMemoryBytes: largestPeak(reports.map((report) => report.peakMemoryBytes)),
    recheck: {
      iterations: reports.reduce((sum, { recheck }) => sum + recheck.iterations, 0),
      maxAbsError: Math.max(...reports.map(({ recheck }) => recheck.maxAbsError)),
    },
    launches,
    p50IntervalMs: meanInterval(launches.map(({ p50Ms }) => p50Ms)),
    outliers: farOut(figures.samplesMs),
  };
}

function figuresOf(
  batchSize: number,
  whole: readonly BatchReport[],
): Pick<BatchReport, "samplesMs" | "latencyMs" | "throughputItemsPerSecond"> {
  const samplesMs = whole.flatMap((report) => report.samplesMs);
  const latencyMs = summarizeLatency(samplesMs);
  return { samplesMs, latencyMs, throughputItemsPerSecond: (batchSize * 1000) / latencyMs.mean };
}

function farOut(samplesMs: readonly number[]): number {
  if (samplesMs.length === 0) return 0;
  const low = quantile(samplesMs, 0.25);
  const high = quantile(samplesMs, 0.75);
  const reach = FAR_OUT * (high - low);
  return samplesMs.filter((sample) => sample < low - reach || sample > high + reach).length;
}
