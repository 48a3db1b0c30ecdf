import { canonicalJson } from "../../base/index.ts";
import { MAX_TESTS_PER_TASK } from "../../contracts/index.ts";
import type { NeedyTest, TestNeeds } from "./test-needs.ts";

/** What earlier runs say of a test. */
export interface TestPast {
  /** Null when it was never seen to end. */
  expectedSeconds: number | null;
  /** Higher runs earlier: 0 to 9, so that it never counts as a gap that preempts. */
  risk: number;
}

/** Tests that run in one process, one after the other. */
export interface Batch {
  tests: readonly NeedyTest[];
  needs: TestNeeds;
  /** Null while nothing is known of any of them. */
  expectedSeconds: number | null;
  risk: number;
}

/** So many batches for each slot: few enough that starting them costs little, and enough that nobody waits long at the end. */
const BATCHES_PER_SLOT = 8;
/** A batch shorter than this costs more to hand out than it is worth. */
const LEAST_SECONDS = 0.25;
/** Longer ones would be seen late, and lost whole with their worker. */
const MOST_SECONDS = 30;
/** Of a test of which nothing is known. */
const UNKNOWN_SECONDS = 0.1;

/** Tests that stay together. */
interface Unit {
  tests: NeedyTest[];
  seconds: number;
  known: boolean;
  risk: number;
}

/**
 * Packs tests into batches. What must stay together does; what needs other things or is more urgent is apart; the rest is packed in the
 * order of the framework until a batch has its share of the work, `total / (slots · 8)`, so long tests stand alone. O(n).
 */
export function batchesOf(
  tests: readonly NeedyTest[],
  { slots, past }: { slots: number; past: (test: NeedyTest) => TestPast },
): Batch[] {
  const all = [...Map.groupBy(tests, ({ needs }) => kindOf(needs)).values()].map((kind) => unitsOf(kind, past));
  const units = all.flatMap((kind) => [...Map.groupBy(kind, ({ risk }) => risk).values()]);
  const total = units.flat().reduce((sum, { seconds }) => sum + seconds, 0);
  const share = total / (slots * BATCHES_PER_SLOT);
  const most = Math.ceil(tests.length / (slots * 2));
  const limits = {
    seconds: Math.min(Math.max(share, LEAST_SECONDS), MOST_SECONDS),
    // Also where everything looks short, every slot gets something.
    tests: Math.min(Math.max(most, 1), MAX_TESTS_PER_TASK),
  };
  return units.flatMap((kind) => packed(kind, limits));
}

/** Equal for tests that one task can run. */
function kindOf({ together: _, ...needs }: TestNeeds): string {
  return canonicalJson(JSON.parse(JSON.stringify(needs)));
}

function unitsOf(tests: readonly NeedyTest[], past: (test: NeedyTest) => TestPast): Unit[] {
  const units = new Map<unknown, Unit>();
  for (const one of tests) {
    const { expectedSeconds, risk } = past(one);
    const key = one.needs.together ?? one;
    let unit = units.get(key);
    if (unit === undefined) units.set(key, (unit = { tests: [], seconds: 0, known: false, risk }));
    unit.tests.push(one);
    unit.seconds += expectedSeconds ?? UNKNOWN_SECONDS;
    unit.known ||= expectedSeconds !== null;
    // Those that stay together are as urgent as the most urgent of them.
    unit.risk = Math.max(unit.risk, risk);
  }
  return [...units.values()];
}

function packed(units: readonly Unit[], limits: { seconds: number; tests: number }): Batch[] {
  const batches: Unit[] = [];
  let open: Unit | undefined;
  for (const unit of units) {
    const fits =
      open !== undefined &&
      open.seconds + unit.seconds <= limits.seconds &&
      open.tests.length + unit.tests.length <= limits.tests;
    if (open === undefined || !fits) batches.push((open = { ...unit, tests: [...unit.tests] }));
    else join(open, unit);
  }
  return batches.flatMap(cut).map(batchOf);
}

function join(open: Unit, unit: Unit): void {
  open.tests.push(...unit.tests);
  open.seconds += unit.seconds;
  open.known ||= unit.known;
}

/** What is together may be more than one task takes: then it is so in parts. */
function cut(unit: Unit): Unit[] {
  const parts = Math.ceil(unit.tests.length / MAX_TESTS_PER_TASK);
  if (parts === 1) return [unit];
  return Array.from({ length: parts }, (_, index) => ({
    ...unit,
    tests: unit.tests.slice(index * MAX_TESTS_PER_TASK, (index + 1) * MAX_TESTS_PER_TASK),
    seconds: unit.seconds / parts,
  }));
}

function batchOf({ tests, seconds, known, risk }: Unit): Batch {
  const [first] = tests;
  if (first === undefined) throw new Error("a batch without tests");
  return { tests, needs: first.needs, expectedSeconds: known ? seconds : null, risk };
}
