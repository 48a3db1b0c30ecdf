import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asRunId, seededRng } from "../base/index.ts";
import { ClassSet } from "./class-set.ts";
import { scoreOf } from "./fairness.ts";
import { before } from "./priority.ts";
import { Bench, copyBySnapshot, spec } from "./scheduler-acceptance.ts";
import { nextTask } from "./share-tree.ts";
import type { ShareNode } from "./share-tree.ts";
import type { State, Task } from "./state.ts";

function pathOf(task: Task): ShareNode[] {
  const path: ShareNode[] = [];
  for (let at: ShareNode | null = task.run.node; at?.parent; at = at.parent) path.unshift(at);
  return path;
}

/** Who is next, by comparing all that is ready, level by level. */
function obviousNext(state: State, open: ReadonlySet<number>): Task | undefined {
  const ready = [...state.runs.values()].flatMap((run) =>
    [...run.tasks.values()].filter(({ heapIndex }) => heapIndex >= 0),
  );
  const usable = ready.filter(
    (task) =>
      open.has(task.requirementClass.index) &&
      pathOf(task).every(({ maxRunning, running }) => maxRunning === null || running < maxRunning),
  );
  const compare = (a: Task, b: Task): number => {
    const other = pathOf(b);
    for (const [level, node] of pathOf(a).entries()) {
      const against = other[level];
      if (against && against !== node) return scoreOf(node) - scoreOf(against) || node.order - against.order;
    }
    return before(a, b);
  };
  return usable.sort(compare)[0];
}

test("the next task is the one that a comparison of all would give", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      const rng = seededRng(seed);
      const it = new Bench();
      for (let index = 0; index < 3; index += 1)
        it.worker(`w${index}`, { pools: ["default", "p1"], hardware: index === 0 ? ["cpu", "cuda"] : ["cpu"] });
      for (let turn = 0; turn < 60; turn += 1) {
        it.nowMs += rng.below(3_000);
        const [lease] = it.state.leases.values();
        if (rng.below(3) === 0) {
          const tasks = Array.from({ length: 1 + rng.below(4) }, (_, index) =>
            spec(`t${index}`, {
              priority: rng.below(4) * 30,
              requirements:
                rng.below(3) === 0 ? { hardware: ["cuda"] } : rng.below(2) === 0 ? { min_memory_gb: 1 } : {},
            }),
          );
          const pool = rng.below(2) === 0 ? "default" : "p1";
          it.submit(tasks, { runId: asRunId(`r${turn}`), submittedBy: `u${rng.below(3)}`, pool });
        } else if (rng.below(6) === 0) {
          const maxRunning = rng.below(2) === 0 ? null : rng.below(3);
          const kind = rng.below(2) === 0 ? "user" : "pool";
          const name = kind === "user" ? `u${rng.below(3)}` : "p1";
          it.do({ type: "set_share", kind, name, weight: 1 + rng.below(5), maxRunning, by: "x" });
        } else if (lease) it.finish(lease.task.taskId, {}, lease.task.run.runId);
        const open = new ClassSet();
        const indexes = new Set<number>();
        for (const { index } of it.state.classes.values()) {
          if (rng.below(3) === 0) continue;
          open.add(index);
          indexes.add(index);
        }
        expect(nextTask(it.state.tree, open, new ClassSet())).toBe(obviousNext(it.state, indexes));
      }
    }),
    { numRuns: 60 },
  );
});

describe("shares", () => {
  test("users get leases in proportion to their weights, whatever they ask for", () => {
    const it = new Bench();
    it.worker("w1", { slots: 8, credits: 8 });
    it.do({ type: "set_share", kind: "user", name: "u1", weight: 3, maxRunning: null, by: "x" });
    for (const [user, count] of [
      ["u1", 50],
      ["u2", 500],
    ] as const)
      it.submit(
        Array.from({ length: count }, (_, index) => spec(`t${index}`)),
        { runId: asRunId(user), submittedBy: user },
      );
    // The first eight went to the first who came; then one ends at a time.
    const got = { u1: 0, u2: 0 };
    for (let turn = 0; turn < 48; turn += 1) {
      const [lease] = it.state.leases.values();
      if (lease) it.finish(lease.task.taskId, {}, lease.task.run.runId);
      if (turn >= 16) for (const { task } of it.state.leases.values()) got[task.run.submittedBy as "u1" | "u2"] += 1;
    }
    expect(got.u1 / (got.u1 + got.u2)).toBeCloseTo(0.75, 1);
  });

  test("a quota holds, and the next in order takes the rest", () => {
    const it = new Bench();
    it.worker("w1", { slots: 4, credits: 4 });
    it.do({ type: "set_share", kind: "user", name: "u1", weight: 100, maxRunning: 1, by: "x" });
    for (const user of ["u1", "u2"])
      it.submit(
        Array.from({ length: 9 }, (_, index) => spec(`t${index}`)),
        { runId: asRunId(user), submittedBy: user },
      );
    it.finish("t0", {}, asRunId("u1"));
    const running = [...it.state.leases.values()].map(({ task }) => task.run.submittedBy);
    expect(running.filter((user) => user === "u1").length).toBeLessThanOrEqual(1);
    expect(running).toHaveLength(4);
  });
});

describe("what was ready all the time keeps its age", () => {
  const servedOf = ({ run }: Task): number[] => {
    const path: number[] = [];
    for (let at: ShareNode | null = run.node; at?.parent; at = at.parent) path.push(at.servedAtMs);
    return path;
  };

  test("when a fallback opens", () => {
    const it = new Bench();
    it.worker("w", { hardware: ["cpu"], slots: 1, credits: 1 });
    it.submit([spec("busy")], { runId: asRunId("other"), submittedBy: "another" });
    const cuda = { requirements: { hardware: ["cuda" as const] } };
    it.submit([spec("t", { ...cuda, fallback: [{ hardware: ["cpu"], after_seconds: 5 }] })], { waitForCapacity: true });
    const task = it.task("t");
    const before = servedOf(task);
    it.pass(6_000);
    expect(task.alternatives).toBe(1);
    expect(servedOf(task)).toEqual(before);
  });

  test("in a snapshot, although the run that was served last is gone", () => {
    const it = new Bench();
    it.worker("w", { slots: 1, credits: 1 });
    it.submit([spec("first")], { runId: asRunId("first") });
    it.nowMs += 1_000;
    it.submit([spec("second"), spec("third")]);
    it.finish("first", {}, asRunId("first"));
    it.nowMs += 100_000;
    it.do({ type: "projected", seq: it.state.seq });
    expect(it.state.runs.size).toBe(1);
    it.submit([spec("late")], { runId: asRunId("late"), submittedBy: "another" });
    const copy = copyBySnapshot(it.state);
    const third = copy.runs.get(it.task("third").run.runId)?.tasks.get(it.task("third").taskId);
    expect(third && servedOf(third)).toEqual(servedOf(it.task("third")));
  });
});
