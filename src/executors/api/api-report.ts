import type { JsonObject } from "../../base/index.ts";
import type { ApiConfig, Failure, Metric, Provenance } from "../../contracts/index.ts";
import { summarizeLatency } from "../../stats/index.ts";
import { latencyMetrics, latencyResults } from "../latency.ts";
import type { JudgedLimit } from "./latency-limits.ts";
import type { LoadPlan } from "./load.ts";
import { problemClasses } from "./problem.ts";
import type { Tally } from "./tally.ts";

/** What a run of requests came to. Plain data: it crosses from the thread. */
export interface ApiOutcome {
  failure: Failure | null;
  results: JsonObject;
  metrics: Metric[];
  provenance: Provenance;
}

/** What there is to tell of. */
export interface ApiFacts {
  config: ApiConfig;
  plan: LoadPlan;
  tally: Tally;
  limits: readonly JudgedLimit[];
  elapsedMs: number;
}

export function apiOutcome(facts: ApiFacts): ApiOutcome {
  return {
    failure: failureOf(facts),
    results: resultsOf(facts),
    metrics: metricsOf(facts),
    provenance: provenanceOf(facts),
  };
}

/** An outcome without any request. */
export function notSent(failure: Failure): ApiOutcome {
  const evidence = [{ check: "requests_sent", passed: false, detail: "no request was sent" }];
  return { failure, results: {}, metrics: [], provenance: { kind: "real", proven: false, evidence } };
}

function failureOf({ config, tally, limits }: ApiFacts): Failure | null {
  const [worst] = tally.problemList;
  if (worst !== undefined && tally.errorRate > config.expect.max_error_rate) {
    const kinds = tally.problemList.map(({ kind, count }) => `${count} × ${kind}`).join(", ");
    const allowed = config.expect.max_error_rate === 0 ? "" : `, more than max_error_rate allows`;
    return {
      // An endpoint that answered some was there: what it did to the others is its own failing.
      class: tally.answered > 0 ? "assertion" : problemClasses[worst.kind],
      reason: worst.kind,
      message: `${tally.failed} of ${tally.sent} requests failed${allowed} (${kinds}): ${worst.message}`,
    };
  }
  const broken = limits.filter(({ passed }) => !passed);
  if (broken.length === 0) return null;
  const unknown = broken.every(({ value_ms }) => value_ms === null);
  return {
    class: "assertion",
    reason: unknown ? "too_few_samples" : "latency",
    message: broken.map(brokenText).join("; "),
  };
}

function brokenText({ name, value_ms, limit_ms, samples }: JudgedLimit): string {
  return value_ms === null
    ? `${name} cannot be told from ${samples} samples`
    : `${name} is ${value_ms.toFixed(1)} ms, over its limit of ${limit_ms} ms`;
}

function resultsOf(facts: ApiFacts): JsonObject {
  const { tally, limits } = facts;
  return {
    requests: { sent: tally.sent, answered: tally.answered, failed: tally.failed, body_bytes: tally.bodyBytes },
    statuses: Object.fromEntries([...tally.statuses].map(([status, count]) => [String(status), count])),
    errors: tally.problemList.map(({ kind, count, message }) => ({ kind, count, first: message })),
    load: loadOf(facts),
    remote_addresses: [...tally.remotes],
    ...summary("latency_ms", tally.latenciesMs),
    ...(tally.ttftMs.length === 0 ? {} : { stream: streamOf(facts) }),
    limits: limits.map((limit) => ({ ...limit })),
  };
}

function loadOf({ config, plan, tally, elapsedMs }: ApiFacts): JsonObject {
  return {
    loop: plan.intervalMs === undefined ? "closed" : "open",
    planned_requests: plan.total,
    concurrency: plan.concurrency,
    warmup_requests: config.load.warmup_requests,
    ...(plan.intervalMs === undefined ? {} : { planned_per_second: 1000 / plan.intervalMs }),
    seconds: elapsedMs / 1000,
    ...summary("send_delay_ms", plan.intervalMs === undefined ? [] : tally.delaysMs),
  };
}

function streamOf({ tally, elapsedMs }: ApiFacts): JsonObject {
  const { byUsage, byChunks } = tally.streams;
  return {
    tokens: tally.tokens,
    tokens_counted_by: byChunks === 0 ? "usage" : byUsage === 0 ? "chunks" : "both",
    tokens_per_second: perSecond(tally.tokens, elapsedMs),
    ...summary("ttft_ms", tally.ttftMs),
    ...summary("tpot_ms", tally.tpotMs),
    ...summary("inter_token_ms", tally.gapsMs),
  };
}

function metricsOf({ tally, elapsedMs }: ApiFacts): Metric[] {
  const metrics = (name: string, samples: readonly number[]): Metric[] =>
    samples.length === 0 ? [] : latencyMetrics(name, summarizeLatency(samples));
  return [
    { name: "requests", value: tally.sent, unit: "count" },
    { name: "error_rate", value: tally.errorRate, unit: "ratio" },
    { name: "requests_per_second", value: perSecond(tally.answered, elapsedMs), unit: "requests/s" },
    ...metrics("latency_ms", tally.latenciesMs),
    ...metrics("ttft_ms", tally.ttftMs),
    ...metrics("tpot_ms", tally.tpotMs),
    ...metrics("inter_token_ms", tally.gapsMs),
    ...(tally.ttftMs.length === 0
      ? []
      : [{ name: "tokens_per_second", value: perSecond(tally.tokens, elapsedMs), unit: "tokens/s" }]),
  ];
}

function provenanceOf({ config, tally }: ApiFacts): Provenance {
  const { sent, answered } = tally;
  const remotes = [...tally.remotes].join(", ");
  const detail = `${sent} requests to ${new URL(config.url).origin}, ${answered} answered${remotes === "" ? "" : ` by ${remotes}`}`;
  return {
    kind: "real",
    proven: answered > 0,
    evidence: [{ check: "requests_answered", passed: answered > 0, detail }],
  };
}

function summary(name: string, samples: readonly number[]): JsonObject {
  return samples.length === 0 ? {} : { [name]: latencyResults(summarizeLatency(samples)) };
}

function perSecond(count: number, elapsedMs: number): number {
  return elapsedMs === 0 ? 0 : (count * 1000) / elapsedMs;
}
