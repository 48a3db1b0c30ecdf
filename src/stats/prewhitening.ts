import { mean } from "./quantiles.ts";

/** Below it the estimate is too rough to act on. */
const LEAST_POINTS = 30;
/** A noise with more is a trend, which this cannot take out. */
const MOST = 0.9;

/**
 * The autocorrelation of a series' noise at lag one: φ of a first-order autoregression. Estimated from differences, which a step in the
 * level disturbs only once: their correlation at lag one is (φ - 1) / 2. Zero where it cannot be told from none.
 */
export function lagOneCorrelation(values: readonly number[]): number {
  if (values.length < LEAST_POINTS) return 0;
  const differences = clipped(values.slice(1).map((value, index) => value - (values[index] ?? value)));
  const middle = mean(differences);
  let squares = 0;
  let products = 0;
  for (const [index, difference] of differences.entries()) {
    squares += (difference - middle) ** 2;
    if (index > 0) products += (difference - middle) * ((differences[index - 1] ?? middle) - middle);
  }
  if (squares === 0) return 0;
  const phi = 1 + (2 * products) / squares;
  return phi < 2 / Math.sqrt(values.length) ? 0 : Math.min(phi, MOST);
}

/**
 * The series without its autocorrelation (prewhitening), at the same level: (x_t - φ x_{t-1}) / (1 - φ). A step stays a step of the same size, one point late in part.
 * The first value stays as it is.
 */
export function prewhitened(values: readonly number[], phi = lagOneCorrelation(values)): number[] {
  if (phi === 0) return [...values];
  return values.map((value, index) => {
    const last = values[index - 1];
    return last === undefined ? value : (value - phi * last) / (1 - phi);
  });
}

/** So that one leap does not outweigh all others. */
function clipped(values: readonly number[]): number[] {
  const sizes = values.map(Math.abs).sort((a, b) => a - b);
  const most = 4 * (sizes[Math.floor(sizes.length / 2)] ?? 0);
  return most === 0 ? [...values] : values.map((value) => Math.max(-most, Math.min(most, value)));
}
