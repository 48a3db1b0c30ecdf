import type { AnswerHead } from "./exchange.ts";
import type { Problem, ProblemKind } from "./problem.ts";
import { problemClasses } from "./problem.ts";
import type { StreamTimes } from "./stream-meter.ts";

/** Gaps between tokens beyond this are not kept. */
const MAX_GAPS = 1_000_000;
/** Addresses beyond this are not kept. */
const MAX_REMOTES = 16;
/** An endpoint of which so many requests in a row had no answer is not asked again. */
const GIVE_UP_AFTER = 20;

/** One kind of problem: how often, and how it was the first time. */
export interface CountedProblem extends Problem {
  count: number;
}

/** What became of the requests of a run. */
export class Tally {
  sent = 0;
  answered = 0;
  failed = 0;
  bodyBytes = 0;
  /** Of each request that was answered, and of each that was given up for taking too long. */
  readonly latenciesMs: number[] = [];
  /** Between the time at which a request was to begin and its real beginning. */
  readonly delaysMs: number[] = [];
  readonly statuses = new Map<number, number>();
  readonly remotes = new Set<string>();
  readonly problems = new Map<ProblemKind, CountedProblem>();
  readonly ttftMs: number[] = [];
  readonly tpotMs: number[] = [];
  readonly gapsMs: number[] = [];
  tokens = 0;
  /** Streams of which the server told the number of tokens, and those whose chunks were counted. */
  readonly streams = { byUsage: 0, byChunks: 0 };

  begin(delayMs: number): void {
    this.sent += 1;
    this.delaysMs.push(delayMs);
  }

  answer({ status, remote }: AnswerHead, { latencyMs, bytes }: { latencyMs: number; bytes: number }): void {
    this.answered += 1;
    this.bodyBytes += bytes;
    this.latenciesMs.push(latencyMs);
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (this.remotes.size < MAX_REMOTES) this.remotes.add(remote);
  }

  stream({ firstMs, lastMs, chunks, usageTokens, gapsMs }: StreamTimes, startMs: number): void {
    if (firstMs === null) return;
    const tokens = usageTokens ?? chunks;
    this.tokens += tokens;
    this.streams[usageTokens === null ? "byChunks" : "byUsage"] += 1;
    this.ttftMs.push(firstMs - startMs);
    if (tokens > 1) this.tpotMs.push((lastMs - firstMs) / (tokens - 1));
    for (const gap of gapsMs.slice(0, MAX_GAPS - this.gapsMs.length)) this.gapsMs.push(gap);
  }

  problem({ kind, message }: Problem, elapsedMs: number): void {
    this.failed += 1;
    if (kind === "request_timeout") this.latenciesMs.push(elapsedMs);
    const known = this.problems.get(kind);
    if (known === undefined) this.problems.set(kind, { kind, message, count: 1 });
    else known.count += 1;
  }

  get errorRate(): number {
    return this.sent === 0 ? 0 : this.failed / this.sent;
  }

  /** The most frequent first. */
  get problemList(): CountedProblem[] {
    return [...this.problems.values()].toSorted((a, b) => b.count - a.count);
  }

  get isHopeless(): boolean {
    return (
      this.answered === 0 &&
      this.failed >= GIVE_UP_AFTER &&
      this.problemList.every(({ kind }) => problemClasses[kind] !== "assertion")
    );
  }
}
