/**
 * Adjusted p-values ("q"): rejecting all hypotheses with q ≤ α keeps the expected part of wrong ones among them at α or below
 * (Y. Benjamini, Y. Hochberg, JRSS B 57, 1995), for independent or positively dependent tests. In the order of the input.
 */
export function falseDiscoveryAdjusted(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => b.p - a.p);
  const adjusted = Array.from({ length: pValues.length }, () => 1);
  let least = 1;
  for (const [above, { p, index }] of order.entries()) {
    least = Math.min(least, p * (pValues.length / (pValues.length - above)));
    adjusted[index] = least;
  }
  return adjusted;
}
