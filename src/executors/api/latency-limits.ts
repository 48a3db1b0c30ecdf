import type { ApiConfig, Failure, LatencyLimits } from "../../contracts/index.ts";
import { quantile, requiredSamples } from "../../stats/index.ts";
import type { Tally } from "./tally.ts";

const probabilities: Readonly<Record<keyof LatencyLimits, number>> = {
  p50: 0.5,
  p90: 0.9,
  p95: 0.95,
  p99: 0.99,
  max: 1,
};

/** A limit of the task on something that is measured. */
interface Limit {
  /** E.g. `latency_ms.p95`. */
  name: string;
  probability: number;
  limitMs: number;
  /** The fewest from which the percentile may be claimed. */
  needed: number;
  of: (tally: Tally) => readonly number[];
}

/** A limit and what was found. */
export interface JudgedLimit {
  name: string;
  limit_ms: number;
  /** Null when there are too few samples to tell. */
  value_ms: number | null;
  samples: number;
  passed: boolean;
}

export function limitsOf({ latency_ms = {}, ttft_ms = {}, tpot_ms = {} }: ApiConfig["expect"]): Limit[] {
  return [
    ...named("latency_ms", latency_ms, ({ latenciesMs }) => latenciesMs),
    ...named("ttft_ms", ttft_ms, ({ ttftMs }) => ttftMs),
    ...named("tpot_ms", tpot_ms, ({ tpotMs }) => tpotMs),
  ];
}

function named(measure: string, limits: LatencyLimits, of: Limit["of"]): Limit[] {
  return (Object.entries(limits) as [keyof LatencyLimits, number | undefined][]).flatMap(([name, limitMs]) => {
    if (limitMs === undefined) return [];
    const probability = probabilities[name];
    const needed = probability === 1 ? 1 : requiredSamples(probability);
    return [{ name: `${measure}.${name}`, probability, limitMs, needed, of }];
  });
}

/** Known before anything is sent: a limit that so few requests can neither keep nor break. */
export function tooFewRequests(limits: readonly Limit[], total: number): Failure | undefined {
  const open = limits.find(({ needed }) => needed > total);
  if (open === undefined) return undefined;
  const message = `expect.${open.name} needs at least ${open.needed} requests, the task sends ${total}: send more, or limit max`;
  return { class: "setup", reason: "too_few_requests", message };
}

export function judged(limits: readonly Limit[], tally: Tally): JudgedLimit[] {
  return limits.map(({ name, probability, limitMs, needed, of }) => {
    const samples = of(tally);
    const value = samples.length < needed ? null : quantile(samples, probability);
    return {
      name,
      limit_ms: limitMs,
      value_ms: value,
      samples: samples.length,
      passed: value !== null && value <= limitMs,
    };
  });
}
