/**
 * Adjusted p-values: rejecting all hypotheses with one ≤ α makes even a single wrong rejection no more probable than α, whatever the
 * tests' dependence (S. Holm, Scandinavian Journal of Statistics 6, 1979). In the order of the input.
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const adjusted = Array.from({ length: pValues.length }, () => 1);
  let greatest = 0;
  for (const [rank, { p, index }] of order.entries()) {
    greatest = Math.max(greatest, Math.min(1, p * (pValues.length - rank)));
    adjusted[index] = greatest;
  }
  return adjusted;
}
