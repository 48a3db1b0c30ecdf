import fc from "fast-check";
import { expect, test } from "vitest";
import { asRunId, asTaskId, asWorkerId } from "../base/index.ts";
import type { FailureClass } from "../contracts/index.ts";
import { explain } from "./explain.ts";
import { HEALTH_OWNER, LONGEST_WAIT_MS, QUARANTINE_AFTER_FAILURES } from "./quarantine.ts";
import { Bench, copyBySnapshot, spec, textOf } from "./scheduler-acceptance.ts";
import type { Run, Task } from "./state.ts";
import { sharesOf } from "./shares.ts";

const W = asWorkerId("w");

function bench(more: Parameters<Bench["worker"]>[1] = {}): Bench {
  const it = new Bench();
  it.do({ type: "open_epoch", epoch: 1, holder: "h", graceMs: 1_000, healthCheckMs: 30 * 60_000 });
  it.worker("w", more);
  return it;
}

let runs = 0;

/** One attempt of a task of its own ends so; null for a success. Nothing happens when the worker gets no work. */
function attempt(it: Bench, failureClass: FailureClass | null): boolean {
  const runId = asRunId(`r${(runs += 1)}`);
  it.submit([spec("a", { retry_policy: { max_retries: 0 } })], { runId });
  if (it.on("a", runId).length === 0) {
    it.do({ type: "cancel_run", runId, by: "me", reason: "waits" });
    return false;
  }
  if (failureClass === null) it.finish("a", {}, runId);
  else it.finish("a", { status: "failed", failure: { class: failureClass, message: "m" } }, runId);
  return true;
}

const checkRun = (it: Bench): Run | undefined =>
  [...it.state.runs.values()].find((run) => run.checks === W && run.state === "running");

const currentCheck = (it: Bench): Task | undefined => checkRun(it)?.tasks.get(asTaskId("check"));

function check(it: Bench): Task {
  const task = currentCheck(it);
  if (!task) throw new Error("no check is under way");
  return task;
}

function endCheck(it: Bench, passed: boolean): void {
  const { run } = check(it);
  it.finish("check", passed ? {} : { status: "failed", failure: { class: "setup", message: "no disk" } }, run.runId);
}

test("ten failures in a row put a worker in quarantine; a check at once, which passes, releases it", () => {
  const it = bench();
  for (let count = 0; count < QUARANTINE_AFTER_FAILURES; count += 1) attempt(it, "crash");
  expect(it.workerOf("w").state).toBe("quarantined");
  expect(attempt(it, null)).toBe(false);
  it.submit([spec("b")]);
  expect(explain(it.state, it.task("b")).workers[0]?.reasons).toEqual([
    "is in quarantine: 10 attempts in a row failed, the last one with crash",
  ]);
  it.pass(0);
  expect(check(it).leases[0]?.workerId).toBe(W);
  expect(sharesOf(it.state).map(({ name }) => name)).not.toContain(HEALTH_OWNER);
  endCheck(it, true);
  expect(it.workerOf("w").state).toBe("ready");
  expect(it.on("b")).toEqual(["w"]);
});

test("a run whose tasks all fail costs a worker a check each time, and no waiting; failures of several runs do", () => {
  const it = bench();
  const bad = asRunId("bad");
  const policy = { retry_policy: { max_retries: 0 } };
  it.submit(
    Array.from({ length: 5 * QUARANTINE_AFTER_FAILURES }, (_, index) => spec(`t${index}`, policy)),
    { runId: bad },
  );
  for (let failed = 0, checks = 0; failed < 5 * QUARANTINE_AFTER_FAILURES;) {
    const lease = [...it.state.leases.values()].find(({ task }) => task.run.runId === bad);
    if (lease) {
      it.finish(lease.task.taskId, { status: "failed", failure: { class: "crash", message: "m" } }, bad);
      failed += 1;
    } else {
      it.pass(0);
      endCheck(it, true);
      checks += 1;
      expect(checks).toBeLessThan(6);
    }
  }
  expect(it.workerOf("w").health.setbacks).toBe(0);
  const other = bench();
  for (let round = 0; round < 2; round += 1) {
    for (let count = 0; count < QUARANTINE_AFTER_FAILURES; count += 1) attempt(other, "crash");
    other.pass(0);
    if (round === 0) endCheck(other, true);
  }
  expect(currentCheck(other)).toBeUndefined();
  expect(other.workerOf("w").state).toBe("quarantined");
});

test("a success, or a test that says no, breaks the row; what was cancelled or handed back does not count", () => {
  for (const harmless of [null, "assertion", "cancelled"] as const) {
    const it = bench();
    for (let count = 1; count < QUARANTINE_AFTER_FAILURES; count += 1) attempt(it, "timeout");
    attempt(it, harmless);
    if (harmless !== "cancelled") attempt(it, "timeout");
    expect(it.workerOf("w").state).toBe("ready");
  }
});

test("a failed check of an idle worker puts it in quarantine, and is made again with longer and longer waits", () => {
  const it = bench();
  it.pass(30 * 60_000);
  endCheck(it, false);
  expect(it.workerOf("w").state).toBe("quarantined");
  const waits: number[] = [];
  for (let count = 0; count < 10; count += 1) {
    waits.push((it.workerOf("w").health.checkAtMs ?? 0) - it.nowMs);
    it.pass(waits.at(-1) ?? 0);
    endCheck(it, false);
  }
  expect(waits.slice(0, 5)).toEqual([0, 60_000, 120_000, 240_000, 480_000]);
  expect(waits.at(-1)).toBe(LONGEST_WAIT_MS);
  it.pass(LONGEST_WAIT_MS);
  endCheck(it, true);
  expect(it.workerOf("w").state).toBe("ready");
});

test("a worker that passes its checks and fails everything else is checked later each time", () => {
  const it = bench();
  const waits: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    for (let count = 0; count < QUARANTINE_AFTER_FAILURES; count += 1) attempt(it, "crash");
    waits.push((it.workerOf("w").health.checkAtMs ?? 0) - it.nowMs);
    it.pass(waits.at(-1) ?? 0);
    endCheck(it, true);
  }
  expect(waits).toEqual([0, 60_000, 120_000, 240_000]);
});

test("a check comes before all that waits, and never beside an attempt that has its machine for itself", () => {
  const it = bench({ slots: 1, credits: 1 });
  it.submit([spec("a", { resources: { exclusive: true } }), ...["b", "c"].map((id) => spec(id))]);
  it.pass(30 * 60_000);
  expect(check(it).state).toBe("queued");
  it.finish("a");
  expect(check(it).state).toBe("leased");
  expect([it.task("b").state, it.task("c").state]).toEqual(["queued", "queued"]);
  endCheck(it, true);
  expect(it.task("b").state).toBe("leased");
});

test("a worker that does its work is not checked", () => {
  const it = bench();
  for (let minute = 0; minute < 120; minute += 10) {
    it.pass(10 * 60_000);
    attempt(it, null);
  }
  expect(it.journal.filter(({ event }) => event.type === "run_submitted" && event.checks !== undefined)).toEqual([]);
});

test("a worker for which there is no check gets another chance after a while", () => {
  const it = new Bench();
  it.worker("w", { task_types: ["model"] });
  const model = { type: "model", config: { model: "tiny-bert" }, retry_policy: { max_retries: 0 } } as const;
  for (let count = 0; count < QUARANTINE_AFTER_FAILURES; count += 1) {
    const runId = asRunId(`m${count}`);
    it.submit([spec("a", model as never)], { runId });
    it.finish("a", { status: "failed", failure: { class: "out_of_memory", message: "m" } }, runId);
  }
  expect(it.workerOf("w").state).toBe("quarantined");
  it.pass(60_000);
  expect(it.workerOf("w").state).toBe("ready");
});

test("what a person decided holds, checks or not, until a person ends it; also over a restart of the worker", () => {
  const it = bench();
  it.do({ type: "quarantine_worker", workerId: W, by: "ann", reason: "smoke" });
  it.pass(24 * 3600_000);
  expect(checkRun(it)).toBeUndefined();
  it.do({ type: "worker_goodbye", workerId: W, sessionId: it.workerOf("w").sessionId ?? "", reason: "stop" });
  it.worker("w", { incarnation: "2" });
  expect(it.workerOf("w").state).toBe("quarantined");
  it.do({ type: "release_worker", workerId: W, by: "ann", reason: "aired" });
  expect(it.workerOf("w").state).toBe("ready");
  expect(it.do({ type: "release_worker", workerId: asWorkerId("x"), by: "ann", reason: "" })).toMatchObject({
    type: "refused",
    fault: { code: "not_found" },
  });
});

test("a worker that is lost with many attempts has failed once; the check that waited for it ends with it", () => {
  const it = bench({ slots: 12, credits: 12 });
  it.submit(Array.from({ length: 12 }, (_, index) => spec(`t${index}`)));
  it.pass(30 * 60_000);
  expect(check(it).state).toBe("queued");
  const { sessionId } = it.workerOf("w");
  it.do({ type: "worker_disconnected", workerId: W, sessionId: sessionId ?? "", reason: "cut", graceMs: 0 });
  it.pass(0);
  expect(it.workerOf("w")).toMatchObject({ state: "lost", health: { failuresInARow: 1 } });
  expect(checkRun(it)).toBeUndefined();
  it.worker("w", { incarnation: "2", slots: 12, credits: 12 });
  expect(it.workerOf("w").state).toBe("ready");
});

const step = fc.constantFrom<FailureClass | "ok" | "check passes" | "check fails" | "wait" | "cut">(
  ...(["crash", "timeout", "assertion", "cancelled", "ok", "check passes", "check fails", "wait", "cut"] as const),
);

test("whatever happens: in quarantine exactly after ten failures in a row or a failed check, until a check passes", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.integer({ min: 1, max: 12 })), { maxLength: 25 }), (steps) => {
      const it = bench();
      let inARow = 0;
      let sick = false;
      for (const [what, times] of steps) {
        if (what === "wait") it.pass(times * 10 * 60_000);
        else if (what === "cut") it.worker("w", { incarnation: `${it.nowMs}` });
        else if (what === "check passes" || what === "check fails") {
          it.pass(0);
          if (currentCheck(it)?.state !== "leased") continue;
          endCheck(it, what === "check passes");
          if (what === "check fails") sick = true;
          else if (sick) [sick, inARow] = [false, 0];
        } else
          for (let count = 0; count < times && !currentCheck(it); count += 1) {
            if (!attempt(it, what === "ok" ? null : what)) continue;
            if (what === "ok" || what === "assertion") inARow = 0;
            else if (what !== "cancelled") inARow += 1;
            sick ||= inARow >= QUARANTINE_AFTER_FAILURES;
          }
        it.nowMs += 1;
        const { state, health } = it.workerOf("w");
        if (state !== "flapping") expect(state).toBe(sick ? "quarantined" : "ready");
        // It always ends: there is a check to come, or one under way.
        expect(health.checkAtMs !== null || currentCheck(it) !== undefined).toBe(true);
        expect(textOf(copyBySnapshot(it.state))).toBe(textOf(it.state));
      }
    }),
  );
});
