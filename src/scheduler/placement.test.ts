import { describe, expect, test } from "vitest";
import { asRunId } from "../base/index.ts";
import { explain } from "./explain.ts";
import { Bench, spec } from "./scheduler-acceptance.ts";

const machine = (model: string) => ({ cpu: { model, cores: 4, threads: 4 }, credits: 1 });

/** Two machines of which one is four times as fast, and work of a long and of a short kind that both have done. */
function learned(): Bench {
  const it = new Bench();
  it.worker("slow", machine("slow"));
  it.worker("fast", machine("fast"));
  for (let round = 0; round < 6; round += 1) {
    const run = asRunId(`before-${round}`);
    it.submit(
      ["long", "short"].map((kind) => work(kind, kind)),
      { runId: run },
    );
    for (let left = 2; left > 0; left -= 1) {
      const [lease] = it.state.leases.values();
      if (!lease) throw new Error("nothing is leased");
      it.start(lease.task.taskId, run);
      const usualMs = lease.task.taskId === "long" ? 40_000 : 1_000;
      it.nowMs += lease.workerId === "slow" ? 4 * usualMs : usualMs;
      it.finish(lease.task.taskId, {}, run);
    }
  }
  return it;
}

const work = (id: string, kind: string) => spec(id, { config: { command: kind } });

describe("placement", () => {
  test("gives a task to the machine that is known to be faster", () => {
    const it = learned();
    it.submit([work("a", "short")]);
    expect(it.on("a")).toEqual(["fast"]);
  });

  test("leaves the long one to the fast machine although it is busy, and gives the slow one what it can end in time", () => {
    const it = learned();
    it.submit([work("first", "short")]);
    it.start("first");
    expect(it.on("first")).toEqual(["fast"]);
    const run = asRunId("run-2");
    it.submit([work("long", "long"), work("short", "short")], { runId: run });
    expect([it.on("long", run), it.on("short", run)]).toEqual([[], ["slow"]]);
    it.nowMs += 1_000;
    it.finish("first");
    expect(it.on("long", run)).toEqual(["fast"]);
  });

  test("prefers the platform that is named first to a faster one", () => {
    const it = new Bench();
    it.worker("cpu", { hardware: ["cpu"] });
    it.worker("gpu", { hardware: ["cuda", "cpu"] });
    it.submit([spec("a", { requirements: { hardware: ["cuda", "cpu"] } })]);
    expect(it.task("a").leases[0]).toMatchObject({ workerId: "gpu", hardware: "cuda" });
  });

  test("prefers a worker that used the model lately", () => {
    const it = new Bench();
    for (const name of ["w1", "w2", "w3"]) it.worker(name, { credits: 1 });
    const model = (id: string, name: string) => ({ ...spec(id), type: "model" as const, config: modelConfig(name) });
    it.submit([model("a", "m1")]);
    const [first = ""] = it.on("a");
    it.finish("a");
    it.submit([model("b", "m1")], { runId: asRunId("run-2") });
    expect(it.on("b", asRunId("run-2"))).toEqual([first]);
  });
});

function modelConfig(model: string) {
  const some = { batch_sizes: [1], precision: "fp32" as const, iterations: 1, min_duration_seconds: 0 };
  return { model, ...some, warmup_iterations: 0, seed: 0 };
}

describe("explain", () => {
  test("says which requirement fails on which worker, the place in the queue, and when it is expected to start", () => {
    const it = new Bench();
    it.worker("w1", { credits: 1 });
    it.worker("w2", { credits: 1, memory_gb: 4 });
    it.submit([spec("seen")]);
    it.start("seen");
    it.nowMs += 2_000;
    it.finish("seen");
    const run = asRunId("run-2");
    it.submit(
      ["a", "b", "c"].map((id) => spec(id, { requirements: { min_memory_gb: 8 } })),
      { runId: run },
    );
    it.start("a", run);
    const why = explain(it.state, it.task("c", run));
    expect(why).toMatchObject({ state: "queued", ahead: 1, would_preempt: null, claimed: [] });
    expect(why.workers).toEqual([
      { worker_id: "w1", fits: true, reasons: ["has no free slot: holds 1 leases on 1 slots"] },
      { worker_id: "w2", fits: false, reasons: ["min_memory_gb: wants 8, has 4"] },
    ]);
    // One runs for two seconds, and one of two seconds is ahead.
    expect(Date.parse(why.expected_start ?? "") - it.nowMs).toBeGreaterThanOrEqual(2_000);
    expect(Date.parse(why.expected_start ?? "") - it.nowMs).toBeLessThanOrEqual(4_500);
  });

  test("names the quota that is used up", () => {
    const it = new Bench();
    it.worker("w1", { slots: 4, credits: 4 });
    it.do({ type: "set_share", kind: "user", name: "me", weight: 1, maxRunning: 1, by: "x" });
    it.submit([spec("a"), spec("b")]);
    expect(explain(it.state, it.task("b")).summary).toBe("me holds 1 leases, the most that its share allows.");
  });
});
