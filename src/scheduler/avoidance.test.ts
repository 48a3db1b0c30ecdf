import { describe, expect, test } from "vitest";
import { asRunId } from "../base/index.ts";
import type { FailurePattern } from "../contracts/index.ts";
import { AVOID_MS, isStrong } from "./avoidance.ts";
import { explain } from "./explain.ts";
import { RUN, bench, copyBySnapshot, spec, textOf } from "./scheduler-acceptance.ts";
import type { Bench } from "./scheduler-acceptance.ts";

const pattern = (factors: Record<string, string>, more: Partial<FailurePattern> = {}): FailurePattern => ({
  pattern_id: `p-${Object.values(factors).join("-")}`,
  failure: "crash",
  factors,
  same_attempts: {},
  attempts: 20,
  failures: 18,
  attempts_elsewhere: 100,
  failures_elsewhere: 1,
  p: 1e-12,
  q: 1e-10,
  odds_ratio: 400,
  odds_ratio_low: 50,
  odds_ratio_high: 3_000,
  examples: [{ run_id: "r", task_id: "t", attempt: 1 }],
  ...more,
});
const model = (id: string, name: string) => spec(id, { type: "model", config: { model: name } });
const report = (it: Bench, ...patterns: FailurePattern[]): void =>
  void it.do({ type: "report_patterns", seq: it.state.seq, patterns });
const crash = { status: "failed", failure: { class: "crash", message: "signal 11" } } as const;
const recent = (it: Bench): string[] =>
  it.journal.map(({ event }) => (event.type === "avoidance_set" ? `${event.type} ${event.action}` : event.type));

describe("isStrong", () => {
  const strong = pattern({ worker: "w1" });
  test.each([
    ["the worker fails most of its attempts", strong, true],
    ["half is not reached", pattern({ worker: "w1" }, { failures: 9 }), false],
    ["it fails everywhere", pattern({ worker: "w1" }, { failures_elsewhere: 40 }), false],
    ["the evidence is thin", pattern({ worker: "w1" }, { q: 0.02 }), false],
    ["few attempts", pattern({ worker: "w1" }, { attempts: 5, failures: 5 }), false],
    ["tests say no", pattern({ worker: "w1" }, { failure: "assertion" }), false],
    ["another place would not help", pattern({ model: "m" }), false],
    ["the work of these attempts may be at fault", pattern({ worker: "w1" }, { same_attempts: { model: "m" } }), false],
    ["the machine is the worker's", pattern({ worker: "w1" }, { same_attempts: { machine_class: "c" } }), true],
  ])("%s", (_name, one, expected) => {
    expect(isStrong(one)).toBe(expected);
  });
});

test("a worker that fails is left out, with the evidence in the journal and in the explanation", () => {
  const it = bench("w1", "w2");
  const found = pattern({ worker: "w1" });
  report(it, found);
  expect(it.journal.at(-1)?.event).toMatchObject({
    type: "avoidance_set",
    action: "avoid",
    by: "scheduler",
    pattern: found,
  });
  it.submit([spec("a"), spec("b"), spec("c")]);
  expect([it.on("a"), it.on("b"), it.on("c")]).toEqual([["w2"], ["w2"], []]);
  const explained = explain(it.state, it.task("c"));
  const reasons = explained.workers.find(({ worker_id }) => worker_id === "w1")?.reasons.join();
  expect(reasons).toContain("18 of 20 attempts failed (crash) with worker w1; 1 of 100 elsewhere");
  expect(explained.summary).toContain("1 more would fit, and are avoided");
});

test("only the combination is left out: other work goes to the worker, the work goes to others", () => {
  const it = bench("w1", "w2");
  it.submit([model("before", "bert"), model("other-before", "gpt")]);
  for (const id of ["before", "other-before"]) it.finish(id);
  report(it, pattern({ worker: "w1", model: "bert" }));
  it.submit([model("b1", "bert"), model("b2", "bert"), model("b3", "bert"), model("g1", "gpt")], {
    runId: asRunId("r2"),
  });
  const on = (id: string): string[] => it.on(id, asRunId("r2"));
  expect([on("b1"), on("g1")]).toEqual([["w2"], ["w1"]]);
  // What waits behind work that its worker must not get is not held up by it.
  expect(on("b3")).toEqual([]);
});

test("tasks that wait already are moved, and what has not started is called back", () => {
  const it = bench("w1");
  it.submit([model("a", "bert"), model("b", "bert"), model("c", "bert")]);
  expect([it.on("a"), it.on("b"), it.on("c")]).toEqual([["w1"], ["w1"], []]);
  it.start("a");
  it.worker("w2");
  report(it, pattern({ worker: "w1", model: "bert" }));
  expect(it.journal.at(-1)?.event).toMatchObject({ type: "attempt_revoked", taskId: "b", running: false });
  it.release("b");
  it.finish("c");
  expect(it.on("b")).toEqual(["w2"]);
  it.finish("a");
  expect(it.workerOf("w1").leases.size).toBe(0);
});

test("where no other worker is online the task runs there all the same, until one comes", () => {
  const it = bench("w1");
  report(it, pattern({ worker: "w1" }));
  it.submit([spec("a")]);
  expect(it.on("a")).toEqual(["w1"]);
  it.worker("w2");
  it.finish("a");
  it.submit([spec("b"), spec("c"), spec("d")], { runId: asRunId("r2") });
  expect(it.workerOf("w1").leases.size).toBe(0);
  it.do({
    type: "worker_disconnected",
    workerId: it.workerOf("w2").workerId,
    sessionId: "w2-1",
    reason: "x",
    graceMs: 9e6,
  });
  expect(it.workerOf("w1").leases.size).toBeGreaterThan(0);
});

test("of a worker's platforms only the one that fails is left out", () => {
  const it = bench();
  it.worker("w1", { hardware: ["cpu", "cuda"] });
  report(it, pattern({ worker: "w1", hardware: "cuda" }));
  it.submit([spec("a", { requirements: { hardware: ["cuda", "cpu"] } })]);
  expect(it.task("a").leases[0]?.hardware).toBe("cpu");
});

describe("after its time", () => {
  const tried = (): Bench => {
    const it = bench("w1", "w2");
    report(it, pattern({ worker: "w1" }));
    it.pass(AVOID_MS);
    expect(recent(it).at(-1)).toBe("avoidance_set try");
    it.submit([spec("a"), spec("b"), spec("c"), spec("d"), spec("e")]);
    return it;
  };
  const onW1 = (it: Bench): string[] => [...it.workerOf("w1").leases.values()].map(({ task }) => task.taskId);

  test("one task tries it again, and the worker comes back when that works", () => {
    const it = tried();
    const [trial, ...others] = onW1(it);
    expect(others).toEqual([]);
    it.start(trial!);
    it.finish(trial!);
    expect(recent(it)).toContain("avoidance_set end");
    expect(onW1(it).length).toBeGreaterThan(0);
  });

  test("a trial that fails avoids it for twice as long", () => {
    const it = tried();
    const [trial] = onW1(it);
    it.start(trial!);
    it.finish(trial!, crash);
    expect(recent(it)).toContain("avoidance_set avoid");
    expect(onW1(it)).toEqual([]);
    const [record] = it.state.patterns.values();
    expect(record).toMatchObject({ state: "avoided", strikes: 2, reason: "it was tried again and failed" });
    expect(record!.untilMs - record!.sinceMs).toBe(2 * AVOID_MS);
  });

  test("a trial that says nothing leaves it to the next task", () => {
    const it = tried();
    const [trial] = onW1(it);
    it.do({ type: "cancel_task", runId: RUN, taskId: it.task(trial!).taskId, by: "me", reason: "x" });
    it.finish(trial!, { status: "cancelled", failure: { class: "cancelled", message: "asked" } });
    const [record] = it.state.patterns.values();
    expect(record!.state).toBe("probation");
    expect(onW1(it).length).toBe(1);
  });

  test("what was found in attempts from before the end does not count again", () => {
    const it = tried();
    const seq = it.state.seq;
    it.finish(onW1(it)[0]!);
    it.do({ type: "report_patterns", seq, patterns: [pattern({ worker: "w1" })] });
    expect([...it.state.patterns.values()][0]?.state).toBe("ended");
    report(it, pattern({ worker: "w1" }));
    expect([...it.state.patterns.values()][0]?.state).toBe("avoided");
  });
});

test("a person lets it be, or avoids it, and says why; the scheduler does not overrule that", () => {
  const it = bench("w1", "w2");
  report(it, pattern({ worker: "w1" }));
  const set = (action: "avoid" | "allow", patternId = "p-w1") =>
    it.do({ type: "set_pattern", patternId, action, by: "ann", reason: "new cable" });
  set("allow");
  report(it, pattern({ worker: "w1" }, { failures: 60, attempts: 61 }));
  expect([...it.state.patterns.values()][0]).toMatchObject({ state: "allowed", by: "ann", reason: "new cable" });
  it.submit([spec("a"), spec("b")]);
  expect([it.on("a"), it.on("b")].flat().sort()).toEqual(["w1", "w2"]);
  set("avoid");
  expect([...it.state.patterns.values()][0]).toMatchObject({ state: "avoided", by: "ann" });
  expect(set("avoid", "p-none")).toMatchObject({ type: "refused", fault: { code: "not_found" } });
  report(it, pattern({ model: "m" }));
  expect(set("avoid", "p-m")).toMatchObject({ type: "refused", fault: { code: "conflict" } });
});

test("patterns, with a trial under way, go through a snapshot; what is over is forgotten", () => {
  const it = bench("w1", "w2");
  report(it, pattern({ worker: "w1" }), pattern({ model: "m" }));
  it.pass(AVOID_MS);
  it.submit([spec("a"), spec("b")]);
  expect(it.state.trials.size).toBe(1);
  const copy = copyBySnapshot(it.state);
  expect(textOf(copy)).toBe(textOf(it.state));
  expect(copy.trials.size).toBe(1);
  expect(copy.marking.size).toBe(1);
  it.finish("a");
  it.finish("b");
  for (let day = 0; day < 4; day += 1) it.pass(24 * 3_600_000);
  expect(it.state.patterns.size).toBe(0);
});
