import { describe, expect, test } from "vitest";
import { asRunId, asWorkerId } from "../base/index.ts";
import { CLAIM_AFTER_MS } from "./claims.ts";
import { explain } from "./explain.ts";
import { Bench, bench, capabilities, spec } from "./scheduler-acceptance.ts";

const LARGE = asRunId("large");
const FLOOD = Array.from({ length: 60 }, (_, index) => spec(`t${index}`, { resources: { cpu: 1 } }));

/** A worker that small tasks never leave empty, and one that wants all of it. */
function flooded(): Bench {
  const it = new Bench();
  it.worker("w1", { slots: 4, credits: 4 });
  it.submit(FLOOD);
  it.submit([spec("large", { resources: { cpu: 4 } })], { runId: LARGE });
  return it;
}

describe("a claim", () => {
  test("keeps a worker free for work that small tasks would keep out for ever", () => {
    const it = flooded();
    let ended = 0;
    for (; it.task("large", LARGE).state === "queued" && ended < FLOOD.length; ended += 1) {
      it.nowMs += 1_000;
      const [lease] = it.state.leases.values();
      it.finish(lease?.task.taskId ?? "");
    }
    expect(it.on("large", LARGE)).toEqual(["w1"]);
    expect(ended).toBeLessThanOrEqual(CLAIM_AFTER_MS / 1_000 + 5);
  });

  test("ends with its task, and its worker takes other work again", () => {
    const it = flooded();
    it.pass(CLAIM_AFTER_MS);
    it.finish("t0");
    expect(explain(it.state, it.task("large", LARGE)).claimed).toEqual(["w1"]);
    expect(it.state.leases.size).toBe(3);
    it.do({ type: "cancel_run", runId: LARGE, by: "me", reason: "r" });
    expect(it.state.claims.size).toBe(0);
    expect(it.state.leases.size).toBe(4);
  });

  test("is dropped when its worker is gone, and another is claimed", () => {
    const it = flooded();
    it.worker("w2", { slots: 4, credits: 4 });
    it.pass(CLAIM_AFTER_MS);
    it.finish("t0");
    const [claimed = ""] = explain(it.state, it.task("large", LARGE)).claimed;
    it.do({ type: "worker_goodbye", workerId: asWorkerId(claimed), sessionId: `${claimed}-1`, reason: "stop" });
    const [other] = it.state.workers.values();
    expect(explain(it.state, it.task("large", LARGE)).claimed).not.toContain(claimed);
    expect(other?.name).not.toBe(claimed);
  });

  test("two claims never wait for each other", () => {
    const it = bench("w1", "w2");
    it.submit([spec("x"), spec("y")]);
    const pairs = ["g1", "g2"].flatMap((group) => ["a", "b"].map((id) => spec(`${group}-${id}`, { group })));
    it.submit(pairs, { runId: LARGE });
    for (let round = 0; round < 10 && it.state.counts.completed < 6; round += 1) {
      it.pass(1_000);
      for (const { task } of it.state.leases.values()) it.finish(task.taskId, {}, task.run.runId);
    }
    expect(it.state.counts).toMatchObject({ completed: 6, waiting: 0 });
  });
});

test("a claim on a worker that moves to another machine is opened anew, and the worker stays free for it", () => {
  const it = new Bench();
  it.worker("w", { slots: 2, credits: 2 });
  it.submit([spec("busy"), spec("whole", { resources: { exclusive: true } })]);
  const task = it.task("whole");
  expect(it.workerOf("w").claim?.task).toBe(task);
  it.do({
    type: "update_capabilities",
    workerId: asWorkerId("w"),
    sessionId: "w-1",
    capabilities: capabilities({ hostname: "elsewhere" }),
    slots: 2,
    credits: 2,
  });
  expect(it.state.claims.has(task)).toBe(true);
  expect(it.workerOf("w").claim).toBe(it.state.claims.get(task));
});
