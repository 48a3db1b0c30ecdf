import { assert } from "../base/index.ts";
import { mean, quantile } from "./quantiles.ts";
import { criticalT } from "./student-t.ts";
import type { Interval } from "./welch.ts";

export interface ForecastOptions {
  /** Values ahead. */
  readonly steps: number;
  /** Values after which a season comes again; without one there is none. */
  readonly period?: number;
}

export interface ForecastPoint {
  /** 1 is the next value. */
  readonly ahead: number;
  readonly value: number;
  readonly interval80: Interval;
  readonly interval95: Interval;
}

export interface Forecast {
  readonly model: "level" | "damped_trend" | "level_season" | "damped_trend_season";
  readonly points: readonly ForecastPoint[];
  /** Of the errors one value ahead, in the values' unit. */
  readonly deviation: number;
}

/** Fewer values say nothing of what comes. */
export const LEAST_HISTORY = 8;
const LEAST_SEASONS = 2;

/** Smoothing of level (α), trend (β), season (γ), and what a trend keeps with each step (φ). */
interface Weights {
  alpha: number;
  beta: number;
  phi: number;
  gamma: number;
}

interface Model {
  name: Forecast["model"];
  hasTrend: boolean;
  period: number;
}

interface Fit {
  model: Model;
  weights: Weights;
  /** Errors one step ahead. */
  errors: number[];
  level: number;
  trend: number;
  /** For the phases, that of the next value first. */
  season: number[];
  criterion: number;
}

/**
 * What comes next, by exponential smoothing with additive errors: a level, or a damped trend (E. S. Gardner, E. McKenzie, Management Science
 * 31, 1985), with or without a season (Holt and Winters); weights by least squares of the errors one step ahead, the model by AICc. Intervals by the
 * variance of the innovations' form (R. J. Hyndman et al., Forecasting with Exponential Smoothing, 2008, table 6.2), with Student's t for a
 * short history. Null below eight values.
 */
export function forecast(values: readonly number[], { steps, period = 1 }: ForecastOptions): Forecast | null {
  assert(steps >= 1, "a forecast goes at least one value ahead");
  if (values.length < LEAST_HISTORY) return null;
  const hasSeason = period > 1 && values.length >= LEAST_SEASONS * period + LEAST_HISTORY;
  const models: Model[] = [
    { name: "level", hasTrend: false, period: 1 },
    { name: "damped_trend", hasTrend: true, period: 1 },
    ...(hasSeason
      ? ([
          { name: "level_season", hasTrend: false, period },
          { name: "damped_trend_season", hasTrend: true, period },
        ] as const)
      : []),
  ];
  const [best] = models.map((model) => bestFit(values, model)).sort((a, b) => a.criterion - b.criterion);
  return best === undefined ? null : forecastOf(best, steps);
}

function forecastOf(fit: Fit, steps: number): Forecast {
  const { weights, errors, model } = fit;
  const degrees = Math.max(1, errors.length - parametersOf(model));
  const variance = errors.reduce((sum, error) => sum + error ** 2, 0) / degrees;
  const [t80, t95] = [criticalT(0.2, degrees), criticalT(0.05, degrees)];
  const points: ForecastPoint[] = [];
  let spread = 1;
  let damped = 0;
  for (let ahead = 1; ahead <= steps; ahead += 1) {
    const trend = damped + weights.phi ** ahead;
    const value = fit.level + (model.hasTrend ? trend * fit.trend : 0) + (fit.season[(ahead - 1) % model.period] ?? 0);
    const deviation = Math.sqrt(variance * spread);
    points.push({
      ahead,
      value,
      interval80: { low: value - t80 * deviation, high: value + t80 * deviation },
      interval95: { low: value - t95 * deviation, high: value + t95 * deviation },
    });
    damped = trend;
    const isSeason = model.period > 1 && ahead % model.period === 0;
    const carried = weights.alpha + (model.hasTrend ? weights.beta * damped : 0) + (isSeason ? weights.gamma : 0);
    spread += carried ** 2;
  }
  return { model: model.name, points, deviation: Math.sqrt(variance) };
}

function parametersOf({ hasTrend, period }: Model): number {
  return 2 + (hasTrend ? 3 : 0) + (period > 1 ? period : 0);
}

const ALPHAS = [0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95];
const BETAS = [0.05, 0.2, 0.5];
const PHIS = [0.8, 0.9, 0.98];
const GAMMAS = [0.02, 0.1, 0.3];

function bestFit(values: readonly number[], model: Model): Fit {
  const candidates = ALPHAS.flatMap((alpha) =>
    (model.hasTrend ? BETAS : [0]).flatMap((part) =>
      (model.hasTrend ? PHIS : [1]).flatMap((phi) =>
        (model.period > 1 ? GAMMAS : [0]).map((gamma) => ({
          alpha,
          beta: alpha * part,
          phi,
          gamma: gamma * (1 - alpha),
        })),
      ),
    ),
  );
  let best = fitWith(values, model, candidates[0] as Weights);
  for (const weights of candidates.slice(1)) {
    const fit = fitWith(values, model, weights);
    if (fit.criterion < best.criterion) best = fit;
  }
  return best;
}

function fitWith(values: readonly number[], model: Model, weights: Weights): Fit {
  const { alpha, beta, phi, gamma } = weights;
  const { period, hasTrend } = model;
  let { level, trend, season } = startOf(values, model);
  const errors: number[] = [];
  for (const value of values) {
    const [now = 0, ...rest] = season;
    const step = hasTrend ? phi * trend : 0;
    const error = value - (level + step + now);
    errors.push(error);
    level += step + alpha * error;
    trend = step + beta * error;
    season = [...rest, now + gamma * error];
  }
  const count = values.length;
  const parameters = parametersOf(model) + 1;
  const squares = errors.reduce((sum, error) => sum + error ** 2, 0);
  const penalty = 2 * parameters + (2 * parameters * (parameters + 1)) / Math.max(1, count - parameters - 1);
  const criterion = count * Math.log(Math.max(squares, Number.MIN_VALUE) / count) + penalty;
  return { model, weights, errors, level, trend, season: period > 1 ? season : [0], criterion };
}

/** From the first values: the level that they have, the trend between their halves, the season that they show. */
function startOf(values: readonly number[], { hasTrend, period }: Model): Pick<Fit, "level" | "trend" | "season"> {
  const count = Math.max(LEAST_HISTORY, 2 * period);
  const first = values.slice(0, count);
  const half = Math.floor(count / 2);
  const slope = hasTrend ? (mean(first.slice(half)) - mean(first.slice(0, half))) / (count - half) : 0;
  const level = quantile(first, 0.5) - (slope * (count + 1)) / 2;
  const season = Array.from({ length: period }, (_, phase) => {
    const same = first.flatMap((value, index) =>
      index % period === phase ? [value - level - slope * (index + 1)] : [],
    );
    return period === 1 ? 0 : mean(same);
  });
  return { level, trend: slope, season };
}
