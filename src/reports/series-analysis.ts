import { seededRng } from "../base/index.ts";
import {
  anomalies,
  changePoints,
  forecast,
  medianInterval,
  newestStep,
  robustSummary,
  trendOf,
} from "../stats/index.ts";
import type { Anomaly, ChangePoint, Forecast, Interval, Step, Trend } from "../stats/index.ts";

export interface SeriesOptions {
  better: "lower" | "higher";
  /** Smallest change that counts, as part of the level before. */
  leastChange: number;
  /** Values after which a season comes again. */
  period?: number | undefined;
  /** Values to forecast. */
  ahead: number;
}

type Turn = "better" | "worse";

/** What can be said of a series of one's own. Places count from 0. */
export interface SeriesAnalysis {
  count: number;
  /** Of the newest segment. */
  level: { median: number; interval: Interval | null; deviation: number; since: string };
  change_points: (ChangePoint & { label: string; change: number | null; verdict: Turn })[];
  /** On the newest values, before enough are there for a change point. */
  newest_step: (Step & { label: string; change: number | null; verdict: Turn }) | null;
  anomalies: (Anomaly & { label: string })[];
  /** Over the newest segment; the slope is for a value, or for a day where there are times. */
  trend: (Trend & { per: "value" | "day" }) | null;
  forecast: Forecast | null;
}

const SECONDS_OF_DAY = 86_400;
/** The permutations of a test: any, and always the same. */
const SEED = 1;
/** Change points are looked for among the newest values: the work grows with the square of their number. */
export const MOST_FOR_CHANGES = 2_000;
const MOST_FOR_TREND = 1_000;

export function analyseSeries(
  {
    values,
    labels,
    seconds,
  }: { values: readonly number[]; labels: readonly string[]; seconds: readonly number[] | null },
  { better, leastChange, period, ahead }: SeriesOptions,
): SeriesAnalysis {
  const skipped = Math.max(0, values.length - MOST_FOR_CHANGES);
  const label = (index: number): string => labels[index] ?? "";
  const judged = <T extends { before: number; after: number; index: number }>(change: T) => ({
    ...change,
    label: label(change.index),
    change: change.before === 0 ? null : change.after / change.before - 1,
    verdict: (change.after > change.before === (better === "higher") ? "better" : "worse") as Turn,
  });
  const points = changePoints(values.slice(skipped), { rng: seededRng(SEED), leastChange }).map((point) =>
    judged({ ...point, index: point.index + skipped }),
  );
  const from = points.at(-1)?.index ?? 0;
  const segment = values.slice(from);
  const step = newestStep(segment, { leastChange });
  const { median, deviation } = robustSummary(segment);
  const trendFrom = Math.max(from, values.length - MOST_FOR_TREND);
  const trend = trendOf(
    values.slice(trendFrom).map((value, index) => {
      const at = trendFrom + index;
      return { at: seconds === null ? at : (seconds[at] ?? 0) / SECONDS_OF_DAY, value };
    }),
  );
  return {
    count: values.length,
    level: { median, interval: medianInterval(segment), deviation, since: label(from) },
    change_points: points,
    newest_step: step === null ? null : judged({ ...step, index: step.index + from }),
    anomalies: anomaliesOf(values, [0, ...points.map(({ index }) => index)], period).map((one) => ({
      ...one,
      label: label(one.index),
    })),
    trend: trend === null ? null : { ...trend, per: seconds === null ? "value" : "day" },
    forecast: forecast(segment, { steps: ahead, ...(period === undefined ? {} : { period }) }),
  };
}

/** Of each segment alone: a new level is not unlike its neighbours. */
function anomaliesOf(values: readonly number[], starts: readonly number[], period: number | undefined): Anomaly[] {
  return starts.flatMap((from, order) =>
    anomalies(values.slice(from, starts[order + 1]), period === undefined ? {} : { period }).map((one) => ({
      ...one,
      index: one.index + from,
    })),
  );
}
