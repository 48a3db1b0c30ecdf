import { quantileOfSorted, sortedCopy } from "./quantiles.ts";

/** Makes the median of absolute deviations a standard deviation where the noise is normal: 1 / Φ⁻¹(3/4). */
const MAD_TO_DEVIATION = 1.4826022185056018;

/** What outliers do not move. In the unit of the samples. */
export interface RobustSummary {
  readonly count: number;
  readonly median: number;
  /** Scaled median of absolute deviations: a standard deviation of normal noise (F. R. Hampel, JASA 69, 1974). */
  readonly deviation: number;
  readonly q1: number;
  readonly q3: number;
  /** Samples beyond 1.5 and beyond 3 quartile ranges from the quartiles (J. W. Tukey, Exploratory Data Analysis, 1977). Told, never dropped. */
  readonly mildOutliers: number;
  readonly severeOutliers: number;
}

export function robustSummary(samples: readonly number[]): RobustSummary {
  const sorted = sortedCopy(samples);
  const median = quantileOfSorted(sorted, 0.5);
  const q1 = quantileOfSorted(sorted, 0.25);
  const q3 = quantileOfSorted(sorted, 0.75);
  const beyond = (ranges: number): number =>
    sorted.filter((sample) => sample < q1 - ranges * (q3 - q1) || sample > q3 + ranges * (q3 - q1)).length;
  const severe = beyond(3);
  return {
    count: sorted.length,
    median,
    deviation: MAD_TO_DEVIATION * quantileOfSorted(sortedCopy(sorted.map((sample) => Math.abs(sample - median))), 0.5),
    q1,
    q3,
    mildOutliers: beyond(1.5) - severe,
    severeOutliers: severe,
  };
}
