import { canonicalJson, hashText } from "../base/index.ts";
import { MAX_PATTERN_FACTORS, hasFactors, isPlaceFactor } from "../contracts/index.ts";
import type { FailurePattern, Factors } from "../contracts/index.ts";
import { falseDiscoveryAdjusted, fisherExact, oddsRatio, stratifiedExact, treeLeaves } from "../stats/index.ts";
import type { TwoByTwo } from "../stats/index.ts";
import type { AttemptFacts } from "./attempt-factors.ts";

/** A pattern is told when its q is below this. */
const TELL_BELOW_Q = 0.05;
/** Attempts that both sides of a comparison have at least, and failures that a kind has in all and a pattern has inside. */
const MIN_ATTEMPTS = 8;
const MIN_FAILURES = 4;
/** Groups of attempts that are compared at most, the largest. */
const MAX_GROUPS = 400;
/** Above this in the plain test the stratified one, which costs more, is left out: its p counts as 1. */
const PROMISING = 0.1;
/** Work that was done so often is compared with itself; rarer work with the others of its run. */
const MIN_SAME_WORK = 5;
/** Losses of one worker within this time are one event. */
const ONE_LOSS_MS = 10_000;
const MAX_EXAMPLES = 5;
const TREE = { maxDepth: MAX_PATTERN_FACTORS, minLeaf: 5, alpha: 0.05 };

type Kind = FailurePattern["failure"];

/** Attempts that have factors in common. */
interface Group {
  factors: Factors;
  same: Factors;
  members: ReadonlySet<AttemptFacts>;
}

/** A group with a kind of failure, counted in some of the attempts. */
interface Comparison {
  group: Group;
  kind: Kind;
  table: TwoByTwo;
}

interface Candidate extends Comparison {
  p: number;
}

/** A combination that ended as `ended` at `endedAtMs`: what failed there before says nothing of what is there now. */
export interface EndedPattern {
  factors: Factors;
  endedAtMs: number;
}

/**
 * Which factors, and combinations of them, go with failures more often than chance: for each class of failure, and for all that are
 * not assertions together. Single factors: the exact test, stratified by the work for places (so that a worker is not blamed for
 * the tasks that it got) and by the worker for work. Combinations: a tree grown on one half of the attempts, tested on the other
 * half. One Benjamini-Hochberg adjustment over all hypotheses of the look; filters look at margins only, so that they keep it valid.
 */
export function findPatterns(attempts: readonly AttemptFacts[], ended: readonly EndedPattern[] = []): FailurePattern[] {
  const rows = independent(attempts.filter((one) => !ended.some((past) => isPast(one, past))));
  const groups = groupsOf(rows);
  const strata = strataOf(rows);
  const candidates = kindsOf(rows).flatMap((kind) => [
    ...groups.map((group) => {
      const comparison = compare(rows, group, kind);
      return { ...comparison, p: stratifiedP(rows, comparison, strata) };
    }),
    ...combinations(rows, { kind, strata }),
  ]);
  const q = falseDiscoveryAdjusted(candidates.map(({ p }) => p));
  // The largest p that the adjustment accepts in this look.
  const limit = Math.max(0, ...candidates.filter((_one, index) => (q[index] ?? 1) < TELL_BELOW_Q).map(({ p }) => p));
  const found = candidates
    .map((candidate, index) => ({ ...candidate, q: q[index] ?? 1, plain: plainP(candidate) }))
    .filter((one) => one.q < TELL_BELOW_Q && one.table.insideHits >= MIN_FAILURES)
    .sort((a, b) => a.plain - b.plain);
  return unexplained(rows, found, { strata, limit }).map(patternOf);
}

function isPast(one: AttemptFacts, { factors, endedAtMs }: EndedPattern): boolean {
  return one.endMs <= endedAtMs && hasFactors(one.factors, factors);
}

function isKind({ failure }: AttemptFacts, kind: Kind): boolean {
  return kind === "infrastructure" ? failure !== null && failure !== "assertion" : failure === kind;
}

/** One attempt, the newest, for each task on each worker and platform, and one loss for each time that a worker was lost. */
function independent(attempts: readonly AttemptFacts[]): AttemptFacts[] {
  const newest = new Map<string, AttemptFacts>();
  for (const one of attempts) {
    const key =
      one.failure === "worker_lost"
        ? `${one.workerId} lost ${Math.floor(one.endMs / ONE_LOSS_MS)}`
        : JSON.stringify([one.runId, one.taskId, one.workerId, one.factors["hardware"]]);
    const known = newest.get(key);
    if (!known || known.attempt < one.attempt) newest.set(key, one);
  }
  return [...newest.values()];
}

function kindsOf(rows: readonly AttemptFacts[]): Kind[] {
  const counts = new Map<Kind, number>();
  const count = (kind: Kind): unknown => counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const row of rows) {
    if (row.failure === null) continue;
    count(row.failure);
    if (row.failure !== "assertion") count("infrastructure");
  }
  return [...counts].filter(([, total]) => total >= MIN_FAILURES).map(([kind]) => kind);
}

/** Single factors with enough attempts on both sides. Those of the very same attempts are one group. */
function groupsOf(rows: readonly AttemptFacts[]): Group[] {
  const byValue = new Map<string, { name: string; value: string; indexes: number[] }>();
  for (const [index, { factors }] of rows.entries()) {
    for (const [name, value] of Object.entries(factors)) {
      const key = JSON.stringify([name, value]);
      const known = byValue.get(key);
      if (known) known.indexes.push(index);
      else byValue.set(key, { name, value, indexes: [index] });
    }
  }
  const alike = new Map<string, { factors: [string, string][]; indexes: number[] }>();
  for (const { name, value, indexes } of byValue.values()) {
    if (indexes.length < MIN_ATTEMPTS || rows.length - indexes.length < MIN_ATTEMPTS) continue;
    const key = indexes.join();
    const known = alike.get(key);
    if (known) known.factors.push([name, value]);
    else alike.set(key, { factors: [[name, value]], indexes });
  }
  return [...alike.values()]
    .sort((a, b) => b.indexes.length - a.indexes.length)
    .slice(0, MAX_GROUPS)
    .map(({ factors, indexes }) => {
      const [first, ...rest] = factors.sort(([a], [b]) => preference(a) - preference(b));
      const members = new Set(indexes.map((index) => rows[index]).filter((row) => row !== undefined));
      return { factors: Object.fromEntries(first ? [first] : []), same: Object.fromEntries(rest), members };
    });
}

/** The narrowest name first: a worker before all machines like it. */
const PREFERENCE = ["worker", "model", "hardware", "machine_class", "model_family", "type"];
function preference(name: string): number {
  const place = PREFERENCE.indexOf(name);
  return place < 0 ? PREFERENCE.length : place;
}

interface Strata {
  work: (row: AttemptFacts) => string;
  worker: (row: AttemptFacts) => string;
}

function strataOf(rows: readonly AttemptFacts[]): Strata {
  const counts = new Map<string, number>();
  for (const { work } of rows) counts.set(work, (counts.get(work) ?? 0) + 1);
  return {
    worker: ({ workerId }) => workerId,
    work: ({ work, runId, factors }) =>
      (counts.get(work) ?? 0) >= MIN_SAME_WORK ? work : JSON.stringify([runId, factors["type"], factors["model"]]),
  };
}

function compare(rows: readonly AttemptFacts[], group: Group, kind: Kind): Comparison {
  const table = emptyTable();
  for (const row of rows) addTo(table, { isInside: group.members.has(row), isHit: isKind(row, kind) });
  return { group, kind, table };
}

function emptyTable(): TwoByTwo {
  return { inside: 0, insideHits: 0, outside: 0, outsideHits: 0 };
}

function addTo(table: TwoByTwo, { isInside, isHit }: { isInside: boolean; isHit: boolean }): void {
  table[isInside ? "inside" : "outside"] += 1;
  if (isHit) table[isInside ? "insideHits" : "outsideHits"] += 1;
}

function plainP({ table }: Comparison): number {
  return fisherExact(table).greater;
}

/** p of more failures inside than outside among the attempts compared, within each stratum of the other side. */
function stratifiedP(rows: readonly AttemptFacts[], comparison: Comparison, strata: Strata): number {
  if (plainP(comparison) > PROMISING) return 1;
  const { group, kind } = comparison;
  const stratumOf = Object.keys(group.factors).some(isPlaceFactor) ? strata.work : strata.worker;
  const tables = new Map<string, TwoByTwo>();
  for (const row of rows) {
    const key = stratumOf(row);
    let table = tables.get(key);
    if (!table) tables.set(key, (table = emptyTable()));
    addTo(table, { isInside: group.members.has(row), isHit: isKind(row, kind) });
  }
  return stratifiedExact([...tables.values()]);
}

/** Combinations that a tree suggests on one half of the tasks, with p from the other half. */
function combinations(rows: readonly AttemptFacts[], by: { kind: Kind; strata: Strata }): Candidate[] {
  const isFirst = (row: AttemptFacts): boolean => hashText(`${row.runId}/${row.taskId}`) % 2 === 0;
  const first = rows.filter(isFirst);
  const second = rows.filter((row) => !isFirst(row));
  const leaves = treeLeaves(
    first.map((row) => ({ factors: row.factors, hit: isKind(row, by.kind) })),
    TREE,
  );
  const found = new Map<string, Factors>();
  const usual = first.filter((row) => isKind(row, by.kind)).length / Math.max(1, first.length);
  for (const { conditions, hits, total } of leaves) {
    const equal = conditions.filter((one) => one.equal).map(({ factor, value }) => [factor, value] as const);
    if (equal.length < 2 || hits / total <= usual) continue;
    const factors = Object.fromEntries(equal.sort(([a], [b]) => preference(a) - preference(b)));
    found.set(canonicalJson(factors), factors);
  }
  return [...found.values()].map((factors) => {
    const members = new Set(rows.filter((row) => hasFactors(row.factors, factors)));
    const group = { factors, same: {}, members };
    const p = stratifiedP(second, compare(second, group, by.kind), by.strata);
    return { ...compare(rows, group, by.kind), p };
  });
}

/**
 * Leaves out what only shares attempts with stronger patterns, as a model that ran mostly on a broken worker: what would not have
 * been found without these attempts.
 */
function unexplained<Found extends Candidate>(
  rows: readonly AttemptFacts[],
  found: readonly Found[],
  by: { strata: Strata; limit: number },
): Found[] {
  const kept: Found[] = [];
  for (const one of found) {
    const stronger = kept.filter(({ kind }) => (kind === "assertion") === (one.kind === "assertion"));
    const rest = rows.filter((row) => !stronger.some(({ group }) => group.members.has(row)));
    const alone = compare(rest, one.group, one.kind);
    const isExplained =
      stronger.length > 0 && (alone.table.insideHits < MIN_FAILURES || stratifiedP(rest, alone, by.strata) > by.limit);
    if (!isExplained) kept.push(one);
  }
  return kept;
}

function patternOf({ group, kind, table, p, q }: Candidate & { q: number }): FailurePattern {
  const odds = oddsRatio(table);
  const failed = [...group.members].filter((row) => isKind(row, kind)).sort((a, b) => b.endMs - a.endMs);
  const side = kind === "assertion" ? "assertion" : "infrastructure";
  return {
    // The same combination keeps its id, whichever class of failure shows it best.
    pattern_id: `p${hashText(canonicalJson([side, group.factors]))
      .toString(16)
      .padStart(8, "0")}`,
    failure: kind,
    factors: group.factors,
    same_attempts: group.same,
    attempts: table.inside,
    failures: table.insideHits,
    attempts_elsewhere: table.outside,
    failures_elsewhere: table.outsideHits,
    p,
    q,
    odds_ratio: odds.value,
    odds_ratio_low: odds.low,
    odds_ratio_high: odds.high,
    examples: failed
      .slice(0, MAX_EXAMPLES)
      .map(({ runId, taskId, attempt }) => ({ run_id: runId, task_id: taskId, attempt })),
  };
}
