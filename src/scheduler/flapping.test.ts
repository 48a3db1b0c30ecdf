import fc from "fast-check";
import { expect, test } from "vitest";
import { asWorkerId } from "../base/index.ts";
import { explain } from "./explain.ts";
import { LONGEST_HOLD_MS, MAX_RECONNECTS, RECONNECT_WINDOW_MS } from "./flapping.ts";
import { Bench, copyBySnapshot, spec, textOf } from "./scheduler-acceptance.ts";

/** The worker connects again, as the same process. */
function reconnect(it: Bench, times = 1): void {
  for (let count = 0; count < times; count += 1) {
    const { sessionId } = it.workerOf("w");
    it.do({
      type: "worker_disconnected",
      workerId: asWorkerId("w"),
      sessionId: sessionId ?? "",
      reason: "cut",
      graceMs: 2_000,
    });
    it.nowMs += 10;
    it.worker("w", { session: `${it.nowMs}` });
  }
}

test("the fourth reconnect within a minute holds a worker for half a minute, then twice as long; what it holds it keeps", () => {
  const it = new Bench();
  it.worker("w");
  it.submit([spec("a"), spec("b"), spec("c")]);
  reconnect(it, MAX_RECONNECTS);
  expect(it.workerOf("w").state).toBe("ready");
  reconnect(it);
  expect(it.workerOf("w").state).toBe("flapping");
  expect(it.on("a")).toEqual(["w"]);
  it.finish("a");
  it.finish("b");
  expect(it.task("c").state).toBe("queued");
  expect(explain(it.state, it.task("c")).workers[0]?.reasons[0]).toContain("gets no new work until");
  it.pass(29_000);
  expect(it.task("c").state).toBe("queued");
  it.pass(1_100);
  expect(it.workerOf("w").state).toBe("ready");
  expect(it.on("c")).toEqual(["w"]);
  reconnect(it, MAX_RECONNECTS + 1);
  it.pass(59_000);
  expect(it.workerOf("w").state).toBe("flapping");
  it.pass(1_100);
  expect(it.workerOf("w").state).toBe("ready");
});

test("a new leader is not held against the workers that come back to it", () => {
  const it = new Bench();
  it.worker("w");
  for (let epoch = 1; epoch <= 6; epoch += 1) {
    it.do({ type: "open_epoch", epoch, holder: "h", graceMs: 30_000 });
    it.nowMs += 10;
    it.worker("w", { session: `${epoch}` });
  }
  expect(it.workerOf("w").state).toBe("ready");
});

test("however a worker reconnects: it is held after more than three in a minute and never else, for 30 s to 10 min, and always released", () => {
  const gaps = fc.array(fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 10_000, max: 90_000 })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(gaps, (list) => {
      const it = new Bench();
      it.worker("w");
      let times: number[] = [];
      for (const gap of list) {
        it.pass(gap);
        const from = it.journal.length;
        reconnect(it);
        const held = it.journal.slice(from).find(({ event }) => event.type === "worker_flapping");
        times = [...times, it.nowMs].filter((atMs) => atMs > it.nowMs - RECONNECT_WINDOW_MS);
        expect(held !== undefined).toBe(times.length > MAX_RECONNECTS);
        if (held?.event.type !== "worker_flapping") continue;
        times = [];
        const holdMs = held.event.untilMs - it.nowMs;
        expect(holdMs).toBeGreaterThanOrEqual(30_000);
        expect(holdMs).toBeLessThanOrEqual(LONGEST_HOLD_MS);
      }
      expect(textOf(copyBySnapshot(it.state))).toBe(textOf(it.state));
      it.pass(LONGEST_HOLD_MS);
      expect(it.workerOf("w").state).toBe("ready");
    }),
  );
});
