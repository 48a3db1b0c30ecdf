import { assert } from "../base/index.ts";

const MOST_TERMS = 500;
const ACCURACY = 1e-15;
/** Beyond it the tail is smaller than the smallest number. */
const FARTHEST = 38;

/** Probability that a standard normal variable lies above z: half of Q(1/2, z²/2), the incomplete gamma function (DLMF 7.11.2, 8.7, 8.9). */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  if (z > FARTHEST) return 0;
  const x = (z * z) / 2;
  return x < 1.5 ? 0.5 - seriesP(x) / 2 : fractionQ(x) / 2;
}

/** The z that a standard normal variable stays below with probability `probability`, 0 < probability < 1: by bisection. */
export function normalQuantile(probability: number): number {
  assert(probability > 0 && probability < 1, `a probability lies between 0 and 1, not ${probability}`);
  if (probability > 0.5) return -normalQuantile(1 - probability);
  // In the lower half the tail keeps its digits.
  let low = 0;
  let high = FARTHEST;
  while (high - low > ACCURACY * high) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (normalTail(middle) > probability) low = middle;
    else high = middle;
  }
  return -(low + high) / 2;
}

/** P(1/2, x) by its power series. */
function seriesP(x: number): number {
  if (x === 0) return 0;
  let term = 2;
  let sum = term;
  for (let n = 1; n < MOST_TERMS && term > sum * ACCURACY; n += 1) {
    term *= x / (n + 0.5);
    sum += term;
  }
  return (sum * Math.exp(-x) * Math.sqrt(x)) / Math.sqrt(Math.PI);
}

/** Q(1/2, x) by Legendre's continued fraction. */
function fractionQ(x: number): number {
  let b = x + 0.5;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < MOST_TERMS; n += 1) {
    const a = -n * (n - 0.5);
    b += 2;
    d = 1 / (a * d + b);
    c = b + a / c;
    const change = c * d;
    fraction *= change;
    if (Math.abs(change - 1) < ACCURACY) break;
  }
  return (fraction * Math.exp(-x) * Math.sqrt(x)) / Math.sqrt(Math.PI);
}
