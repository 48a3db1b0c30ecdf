import { assert } from "../base/index.ts";

const ACCURACY = 1e-14;
const MOST_TERMS = 500;
/** Instead of zero, which would divide. */
const TINY = 1e-300;

/** Lanczos' approximation of ln Γ(x), x > 0, to about 15 digits (Lanczos 1964; coefficients for g = 7, n = 9). */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

function logGamma(x: number): number {
  const base = x + 6.5;
  const sum = LANCZOS.slice(1).reduce((total, term, index) => total + term / (x + index), LANCZOS[0] ?? 1);
  return Math.log(Math.sqrt(2 * Math.PI) * sum) - base + (x - 0.5) * Math.log(base);
}

/**
 * The regularised incomplete beta function I_x(a, b), by the continued fraction of DLMF 8.17.22 with Lentz's algorithm.
 * Of x the caller gives 1 - x as well, which it knows to more digits than the difference has.
 */
function incompleteBeta([x, rest]: readonly [x: number, rest: number], a: number, b: number): number {
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

/** The probability that |T| is at least |t| for Student's t with so many degrees of freedom (any positive number). */
export function twoSidedP(t: number, degrees: number): number {
  assert(degrees > 0, "Student's t has degrees of freedom");
  if (!Number.isFinite(t)) return Number.isNaN(t) ? Number.NaN : 0;
  const sum = degrees + t * t;
  return incompleteBeta([degrees / sum, (t * t) / sum], degrees / 2, 0.5);
}

/** The t that |T| exceeds with probability `p`, 0 < p < 1: by bisection of `twoSidedP`. */
export function criticalT(p: number, degrees: number): number {
  assert(p > 0 && p < 1, "a probability lies between 0 and 1");
  let low = 0;
  let high = 1;
  while (twoSidedP(high, degrees) > p) high *= 2;
  while (high - low > ACCURACY * high) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (twoSidedP(middle, degrees) > p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
