import { assert } from "../base/index.ts";
import { incompleteBeta } from "./beta.ts";

const ACCURACY = 1e-14;

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
