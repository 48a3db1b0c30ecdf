/** What a test did on codes on which it passed at least once: only there a failure is not the code's. */
export interface FlakinessEvidence {
  /** Tries that passed. */
  passes: number;
  /** Tries that did not, retries counted. */
  failures: number;
}

/**
 * What is assumed before a test was seen: 16 of 100 tests are flaky, as Google counted; a flaky test fails in part θ of its tries,
 * θ ~ Beta(1, 9), so in one of ten; a steady one in one of a thousand, by the machine's doing.
 */
const FLAKY_BEFORE = 0.16;
const RATE_ALPHA = 1;
const RATE_BETA = 9;
const STEADY_RATE = 0.001;

/**
 * The probability that a test is flaky. Two models of its tries are compared by Bayes' rule: flaky, beta-binomial,
 * B(α + failures, β + passes) / B(α, β); steady, binomial with a fixed small rate. The prior of 16 % is of J. Micco, "Flaky Tests at
 * Google and How We Mitigate Them" (2016); the beta-binomial as in Gelman et al., "Bayesian Data Analysis", 3rd edition, section 2.4.
 * Tries on a code on which the test never passed are not to be given: there the code may be broken.
 */
export function flakyProbability({ passes, failures }: FlakinessEvidence): number {
  const flaky = logBetaRatio(failures, passes);
  const steady = failures * Math.log(STEADY_RATE) + passes * Math.log1p(-STEADY_RATE);
  const logOdds = Math.log(FLAKY_BEFORE / (1 - FLAKY_BEFORE)) + flaky - steady;
  return 1 / (1 + Math.exp(-logOdds));
}

/** ln of B(α + failures, β + passes) / B(α, β), as a product of rising factorials: exact, and without a gamma function. */
function logBetaRatio(failures: number, passes: number): number {
  return (
    logRising(RATE_ALPHA, failures) +
    logRising(RATE_BETA, passes) -
    logRising(RATE_ALPHA + RATE_BETA, failures + passes)
  );
}

function logRising(from: number, count: number): number {
  let sum = 0;
  for (let step = 0; step < count; step += 1) sum += Math.log(from + step);
  return sum;
}
