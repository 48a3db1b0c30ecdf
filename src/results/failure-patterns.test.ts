import { describe, expect, test } from "vitest";
import { seededRng } from "../base/index.ts";
import { workFactors } from "../contracts/index.ts";
import type { FailureClass, FailurePattern } from "../contracts/index.ts";
import type { AttemptFacts } from "./attempt-factors.ts";
import { findPatterns } from "./failure-patterns.ts";

interface Placed {
  worker: number;
  model: string;
}
type Chance = (at: Placed) => number;

const MODELS = ["bert-base", "bert-large", "gpt2", "vit-base", "whisper-tiny"];

/** Attempts of tasks that are placed at random, or as `place` says, on six workers of three kinds of machine. */
function attempts(
  seed: number,
  chance: Chance,
  more: {
    count?: number;
    failure?: FailureClass;
    place?: (model: string, below: (bound: number) => number) => number;
  } = {},
): AttemptFacts[] {
  const rng = seededRng(seed);
  const { count = 600, failure = "crash", place = (_model, below) => below(6) } = more;
  return Array.from({ length: count }, (_, index) => {
    const model = MODELS[rng.below(MODELS.length)] ?? "gpt2";
    const worker = place(model, (bound) => rng.below(bound));
    return {
      runId: `r${Math.floor(index / 100)}`,
      taskId: `t${index}`,
      attempt: 1,
      endMs: index,
      workerId: `w${worker}`,
      work: `${model} of size ${rng.below(3)}`,
      factors: {
        worker: `w${worker}`,
        machine_class: `m${worker % 3}`,
        "software.runtime": worker < 4 ? "1.0" : "1.1",
        hardware: worker === 0 ? "cuda" : "cpu",
        ...workFactors("model", model),
      },
      failure: rng.next() < chance({ worker, model }) ? failure : null,
    };
  });
}

const shown = (patterns: readonly FailurePattern[]): unknown[] => patterns.map(({ factors }) => factors);

describe("finds", () => {
  test("a worker that fails, and says what cannot be told from it", () => {
    const [found, ...others] = findPatterns(attempts(1, ({ worker }) => (worker === 0 ? 0.8 : 0.02)));
    expect(others).toEqual([]);
    expect(found).toMatchObject({ failure: "crash", factors: { worker: "w0" }, same_attempts: { hardware: "cuda" } });
    expect(found!.failures / found!.attempts).toBeGreaterThan(0.6);
    expect(found!.q).toBeLessThan(1e-20);
    expect(found!.odds_ratio_low).toBeGreaterThan(10);
    expect(found!.examples.length).toBe(5);
  });

  test("a model that fails wherever it runs, a family, a version", () => {
    expect(shown(findPatterns(attempts(2, ({ model }) => (model === "gpt2" ? 0.7 : 0.02))))).toEqual([
      { model: "gpt2" },
    ]);
    const family = attempts(3, ({ model }) => (model.startsWith("bert") ? 0.7 : 0.02));
    expect(shown(findPatterns(family))).toEqual([{ model_family: "bert" }]);
    const version = attempts(4, ({ worker }) => (worker >= 4 ? 0.6 : 0.02));
    expect(shown(findPatterns(version))).toEqual([{ "software.runtime": "1.1" }]);
  });

  test("the combination, when neither the worker nor the model is to blame alone", () => {
    const both: Chance = ({ worker, model }) => (worker === 2 && model === "vit-base" ? 0.95 : 0.02);
    const [found, ...others] = findPatterns(attempts(5, both, { count: 1_500 }));
    expect(others).toEqual([]);
    expect(found?.factors).toEqual({ worker: "w2", model: "vit-base" });
  });

  test("tests that say no apart from what breaks", () => {
    const chance: Chance = ({ model }) => (model === "gpt2" ? 0.6 : 0.01);
    const found = findPatterns(attempts(6, chance, { failure: "assertion" }));
    expect(found.map(({ failure, factors }) => [failure, factors])).toEqual([["assertion", { model: "gpt2" }]]);
  });
});

describe("does not blame", () => {
  test("a worker for the work that it got", () => {
    const place = (model: string, below: (bound: number) => number): number =>
      model === "gpt2" ? (below(4) > 0 ? 1 : below(6)) : below(6);
    const found = findPatterns(attempts(7, ({ model }) => (model === "gpt2" ? 0.7 : 0.02), { place }));
    expect(shown(found)).toEqual([{ model: "gpt2" }]);
  });

  test("anybody, when one machine is lost with all that it runs", () => {
    const some = attempts(8, () => 0).map((one, index) =>
      one.workerId === "w3" && index < 200 ? { ...one, endMs: 5, failure: "worker_lost" as const } : one,
    );
    expect(findPatterns(some)).toEqual([]);
  });

  test("anybody for one task that is tried again and again", () => {
    const quiet = attempts(9, () => 0);
    const again = Array.from({ length: 40 }, (_, index) => ({
      ...quiet[0]!,
      attempt: index + 1,
      failure: "crash" as const,
    }));
    expect(findPatterns([...quiet, ...again])).toEqual([]);
  });

  test("what was before the end of a pattern", () => {
    const some = attempts(10, ({ worker }) => (worker === 0 ? 0.8 : 0.02));
    expect(findPatterns(some, [{ factors: { worker: "w0" }, endedAtMs: 600 }])).toEqual([]);
    expect(findPatterns(some, [{ factors: { worker: "w0" }, endedAtMs: 5 }])).toHaveLength(1);
  });
});

/** What the scheduler would act on. */
const isActedOn = ({ q, failures, attempts: total, failures_elsewhere, attempts_elsewhere }: FailurePattern): boolean =>
  q < 0.01 && total >= 8 && failures / total >= Math.max(0.5, (3 * failures_elsewhere) / attempts_elsewhere);

describe("false alarms", () => {
  const SEEDS = 200;

  test.each([
    ["5 % fail everywhere", (): Chance => () => 0.05],
    ["30 % fail everywhere", (): Chance => () => 0.3],
  ])("when %s, at most 5 % of looks find anything", (name, chanceOf) => {
    let alarms = 0;
    let acted = 0;
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const found = findPatterns(attempts(10_000 + seed, chanceOf(), { count: 300 }));
      if (found.length > 0) alarms += 1;
      if (found.some(isActedOn)) acted += 1;
    }
    console.log(`${name}: ${alarms} of ${SEEDS} looks found a pattern, ${acted} would be acted on`);
    // 5 % and two standard deviations.
    expect(alarms / SEEDS).toBeLessThanOrEqual(0.05 + 2 * Math.sqrt((0.05 * 0.95) / SEEDS));
    expect(acted).toBe(0);
  });

  test("when models differ and placement does too, no place is blamed in more than 5 % of looks", () => {
    const place = (model: string, below: (bound: number) => number): number =>
      below(2) === 0 ? MODELS.indexOf(model) : below(6);
    const chance: Chance = ({ model }) => 0.1 * MODELS.indexOf(model);
    let alarms = 0;
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const found = findPatterns(attempts(20_000 + seed, chance, { count: 300, place }));
      if (found.some(({ factors }) => !("model" in factors || "model_family" in factors))) alarms += 1;
    }
    console.log(`models differ: ${alarms} of ${SEEDS} looks blamed a place`);
    expect(alarms / SEEDS).toBeLessThanOrEqual(0.05 + 2 * Math.sqrt((0.05 * 0.95) / SEEDS));
  });

  test("beside a true pattern, few of those that are told are wrong", () => {
    let told = 0;
    let wrong = 0;
    let missed = 0;
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const found = findPatterns(attempts(30_000 + seed, ({ worker }) => (worker === 0 ? 0.6 : 0.05), { count: 300 }));
      const isTrue = ({ factors, same_attempts }: FailurePattern): boolean =>
        factors["worker"] === "w0" || same_attempts["worker"] === "w0";
      told += found.length;
      wrong += found.filter((one) => !isTrue(one)).length;
      if (!found.some(isTrue)) missed += 1;
    }
    console.log(`a true pattern: ${wrong} of ${told} told were wrong, ${missed} of ${SEEDS} looks missed it`);
    expect(wrong / told).toBeLessThanOrEqual(0.05);
    expect(missed).toBeLessThanOrEqual(3);
  });

  test("looking again and again as attempts come in acts on nothing", () => {
    const DAYS = 60;
    let alarms = 0;
    let acted = 0;
    for (let seed = 0; seed < DAYS; seed += 1) {
      const day = attempts(40_000 + seed, () => 0.15, { count: 600 });
      const looks = Array.from({ length: 20 }, (_, look) => findPatterns(day.slice(0, (look + 1) * 30)));
      if (looks.some((found) => found.length > 0)) alarms += 1;
      if (looks.some((found) => found.some(isActedOn))) acted += 1;
    }
    console.log(`20 looks each: ${alarms} of ${DAYS} sequences warned at least once, ${acted} would be acted on`);
    expect(acted).toBe(0);
  });
});
