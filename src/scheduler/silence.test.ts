import { expect, test } from "vitest";
import { asWorkerId } from "../base/index.ts";
import { bench, spec } from "./scheduler-acceptance.ts";
import type { Bench } from "./scheduler-acceptance.ts";

const W = asWorkerId("w");
const silent = (it: Bench, graceMs: number): void =>
  void it.do({ type: "worker_silent", workerId: W, sessionId: "w-1", reason: "nothing was heard for 6 s", graceMs });

test("a silent worker gets no new work and keeps what it has; when it speaks again nothing was lost", () => {
  const it = bench("w");
  it.submit([spec("a")]);
  it.start("a");
  silent(it, 4_000);
  silent(it, 9_000);
  expect(it.workerOf("w")).toMatchObject({ state: "suspect", sessionId: "w-1", timerMs: it.nowMs + 4_000 });
  it.submit([spec("b")], { runId: "r2" as never });
  expect(it.on("b", "r2" as never)).toEqual([]);
  it.nowMs += 3_999;
  it.do({ type: "worker_heard", workerId: W, sessionId: "w-1" });
  expect(it.on("b", "r2" as never)).toEqual(["w"]);
  it.pass(60_000);
  expect(it.finish("a")).toMatchObject({ verdict: "accepted" });
});

test("one that stays silent is lost, and its late result gets a definite answer", () => {
  const it = bench("w");
  it.submit([spec("a")]);
  it.start("a");
  const late = it.item(it.task("a"));
  silent(it, 4_000);
  // The connection ends meanwhile: that gives it no more time.
  const session = { workerId: W, sessionId: "w-1", reason: "cut" };
  it.do({ type: "worker_disconnected", ...session, graceMs: 8_000 });
  it.pass(4_000);
  expect(it.workerOf("w").state).toBe("lost");
  expect(it.task("a").past).toMatchObject([{ outcome: "lost" }]);
  expect(it.do({ type: "attempt_finished", workerId: W, item: late, digest: "d" })).toMatchObject({ verdict: "stale" });
});

test("what was due while the leader stood still is due so much later, for silent workers and for time limits", () => {
  const it = bench("w", "v");
  it.submit([spec("a", { timeout_seconds: 1 }), spec("b", { timeout_seconds: 1 })]);
  for (const id of ["a", "b"]) it.start(id);
  silent(it, 4_000);
  it.nowMs += 120_000;
  it.do({ type: "leader_stalled", stalledMs: 119_000 });
  it.pass(0);
  expect(it.workerOf("w").state).toBe("suspect");
  expect(it.state.leases.size).toBe(2);
  it.pass(3_000);
  expect(it.workerOf("w").state).toBe("lost");
});
