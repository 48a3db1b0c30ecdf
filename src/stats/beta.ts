import { assert } from "../base/index.ts";
import { logGamma } from "./gamma.ts";

const ACCURACY = 1e-14;
const MOST_TERMS = 500;
/** Instead of zero, which would divide. */
const TINY = 1e-300;

/**
 * The regularised incomplete beta function I_x(a, b), by the continued fraction of DLMF 8.17.22 with Lentz's algorithm.
 * Of x the caller gives 1 - x as well, which it may know to more digits than the difference has.
 */
export function incompleteBeta([x, rest]: readonly [x: number, rest: number], a: number, b: number): number {
  if (x <= 0) return 0;
  if (rest <= 0) return 1;
  // The fraction converges fast on this side of the mean only.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta([rest, x], b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(rest)) / a;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= MOST_TERMS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const change = d * c;
    fraction *= change;
    if (Math.abs(change - 1) < ACCURACY) break;
  }
  return front * fraction;
}

function nonZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** The x at which I_x(a, b) is `probability`, 0 ≤ probability ≤ 1: by bisection. */
export function betaQuantile(probability: number, a: number, b: number): number {
  assert(probability >= 0 && probability <= 1, `a probability lies in [0, 1], not ${probability}`);
  let low = 0;
  let high = 1;
  while (high - low > ACCURACY) {
    const middle = (low + high) / 2;
    if (incompleteBeta([middle, 1 - middle], a, b) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
