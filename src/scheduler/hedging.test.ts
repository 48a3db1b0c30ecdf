import { describe, expect, test } from "vitest";
import { asRunId, asWorkerId } from "../base/index.ts";
import { HEDGE_AFTER_MS } from "./hedging.ts";
import { Bench, spec } from "./scheduler-acceptance.ts";

const AGAIN = asRunId("run-2");

/** One task that was seen to take a second, runs again on a worker that is alone, and then has another beside it. */
function straggler(more: { hedge?: boolean } = { hedge: true }): Bench {
  const it = new Bench();
  it.worker("w1", { credits: 1 });
  it.submit([spec("seen")]);
  it.start("seen");
  it.nowMs += 1_000;
  it.finish("seen");
  it.submit([spec("a", more)], { runId: AGAIN });
  it.start("a", AGAIN);
  it.worker("w2", { credits: 1 });
  return it;
}

describe("a straggler", () => {
  test("gets one second attempt on another worker, and the first result counts", () => {
    const it = straggler();
    it.pass(2 * HEDGE_AFTER_MS - 1);
    expect(it.on("a", AGAIN)).toEqual(["w1"]);
    it.pass(1);
    expect(it.on("a", AGAIN)).toEqual(["w1", "w2"]);
    it.worker("w3", { credits: 1 });
    it.start("a", AGAIN);
    it.pass(60_000);
    expect(it.on("a", AGAIN)).toEqual(["w1", "w2"]);
    it.finish("a", { worker_id: "w2" }, AGAIN);
    expect(it.task("a", AGAIN)).toMatchObject({ state: "completed", leases: [] });
    expect(it.task("a", AGAIN).past.map(({ outcome }) => outcome)).toEqual(["cancelled", "succeeded"]);
    expect(it.workerOf("w1").standing).toBe("idle");
  });

  test("goes on alone when its hedge is lost, and is tried again when both are", () => {
    const it = straggler();
    it.pass(2 * HEDGE_AFTER_MS);
    for (const name of ["w2", "w1"])
      it.do({ type: "worker_goodbye", workerId: asWorkerId(name), sessionId: `${name}-1`, reason: "stop" });
    expect(it.task("a", AGAIN)).toMatchObject({ state: "queued", leases: [] });
  });

  test("is left alone unless it asks for it", () => {
    const it = straggler({});
    it.pass(60_000);
    expect(it.on("a", AGAIN)).toEqual(["w1"]);
  });
});
