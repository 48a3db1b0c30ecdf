import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asRunId, seededRng } from "../base/index.ts";
import { taskSpec } from "../contracts/index.ts";
import { explain } from "./explain.ts";
import { PREEMPTION_GAP, choosePreemption } from "./preemption.ts";
import { Bench, spec } from "./scheduler-acceptance.ts";

const URGENT = asRunId("urgent");

test("only what may be preempted is, across the gap, and no victim in vain", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      const rng = seededRng(seed);
      const it = new Bench();
      for (const name of ["w1", "w2"])
        it.worker(name, { slots: 4, credits: 4, task_types: ["command", "benchmark"], memory_gb: 32 });
      const kinds = Array.from({ length: 8 }, (_, index) => {
        const common = { priority: rng.below(9) * 10, resources: { cpu: 1, exclusive: false } };
        return rng.below(4) === 0
          ? taskSpec.parse({ task_id: `t${index}`, type: "benchmark", config: { model: "m" }, ...common })
          : spec(`t${index}`, { ...common, preemptible: rng.below(4) > 0 });
      });
      it.submit(kinds);
      const priority = rng.below(101);
      const cpu = 1 + rng.below(4);
      it.submit([spec("u", { priority, resources: { cpu } })], { runId: URGENT });
      const task = it.task("u", URGENT);
      if (task.state !== "queued") return;
      const chosen = choosePreemption(it.state, task);
      const allowed = (name: string) =>
        [...it.workerOf(name).leases.values()].filter(
          ({ task: { spec: one } }) =>
            one.type !== "benchmark" && one.preemptible !== false && one.priority + PREEMPTION_GAP <= priority,
        );
      const possible = ["w1", "w2"].some(
        (name) => it.workerOf(name).resources.cpu + allowed(name).length >= cpu && allowed(name).length > 0,
      );
      expect(chosen !== null).toBe(possible);
      if (!chosen) return;
      const { worker, victims } = chosen;
      for (const victim of victims) expect(allowed(worker.name)).toContain(victim);
      expect(victims).toHaveLength(Math.max(1, cpu - worker.resources.cpu));
      const spared = allowed(worker.name).filter((lease) => !victims.includes(lease));
      const highest = Math.max(...victims.map((lease) => lease.task.spec.priority));
      for (const lease of spared) expect(lease.task.spec.priority).toBeGreaterThanOrEqual(highest);
    }),
    { numRuns: 200 },
  );
});

describe("making room", () => {
  test("is written at both sides, and what was left goes to the next attempt", () => {
    const it = new Bench();
    it.worker("w1", { credits: 1 });
    it.submit([spec("low", { priority: 10 })]);
    it.start("low");
    const [lease] = it.task("low").leases;
    if (!lease) throw new Error("not leased");
    it.do({ type: "attempt_progressed", workerId: lease.workerId, leaseSeq: lease.leaseSeq, payload: "step 7" });
    it.submit([spec("high", { priority: 90 })], { runId: URGENT });
    expect(explain(it.state, it.task("high", URGENT))).toMatchObject({
      would_preempt: { task_id: "low", worker_id: "w1" },
    });
    const events = it.pass(500).map(({ event }) => event);
    expect(events).toContainEqual(expect.objectContaining({ type: "claim_opened", taskId: "high", workers: ["w1"] }));
    expect(events).toContainEqual(
      expect.objectContaining({
        type: "attempt_revoked",
        taskId: "low",
        running: true,
        by: { runId: URGENT, taskId: "high" },
      }),
    );
    expect(explain(it.state, it.task("high", URGENT)).claimed).toEqual(["w1"]);
    it.release("low");
    expect(it.on("high", URGENT)).toEqual(["w1"]);
    expect(it.task("low").past[0]?.outcome).toBe("preempted");
    it.finish("high", {}, URGENT);
    expect(it.task("low")).toMatchObject({ state: "leased", payload: "step 7" });
    expect(it.task("low").leases[0]?.attempt).toBe(2);
  });

  test("never below the gap", () => {
    const it = new Bench();
    it.worker("w1", { credits: 1 });
    it.submit([spec("low", { priority: 50 })]);
    it.submit([spec("high", { priority: 50 + PREEMPTION_GAP - 1 })], { runId: URGENT });
    expect(it.pass(500)).toEqual([]);
  });
});
