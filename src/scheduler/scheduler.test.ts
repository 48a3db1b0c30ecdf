import { describe, expect, test } from "vitest";
import { asRunId, asTaskId, asWorkerId } from "../base/index.ts";
import { taskSpec } from "../contracts/index.ts";
import type { TaskSpec } from "../contracts/index.ts";
import type { Reply } from "./commands.ts";
import { DEADLINE_MARGIN_MS } from "./evolve-attempt.ts";
import { explain } from "./explain.ts";
import { Bench, RUN, bench, capabilities, copyBySnapshot, spec, textOf } from "./scheduler-acceptance.ts";

describe("submitting", () => {
  const cases: { name: string; tasks: TaskSpec[]; code: string; path?: string }[] = [
    { name: "the same id twice", tasks: [spec("a"), spec("a")], code: "duplicate_task_id", path: "tasks[1].task_id" },
    {
      name: "a missing dependency",
      tasks: [spec("a", { depends_on: ["b"] })],
      code: "missing_dependency",
      path: "tasks[0].depends_on[0]",
    },
    {
      name: "a circle",
      tasks: [spec("a", { depends_on: ["c"] }), spec("b", { depends_on: ["a"] }), spec("c", { depends_on: ["b"] })],
      code: "cyclic_dependency",
    },
    {
      name: "hardware nobody has",
      tasks: [spec("a", { requirements: { hardware: ["cuda"] } })],
      code: "impossible_requirement",
    },
    {
      name: "a type nobody executes",
      tasks: [taskSpec.parse({ task_id: "a", type: "browser" })],
      code: "impossible_requirement",
    },
    {
      name: "too much memory",
      tasks: [spec("a", { requirements: { min_memory_gb: 17 } })],
      code: "impossible_requirement",
    },
    {
      name: "more cores than there are",
      tasks: [spec("a", { resources: { cpu: 5 } })],
      code: "impossible_requirement",
    },
  ];
  test.each(cases)("refuses $name and keeps nothing", ({ tasks, code, path }) => {
    const it = bench("w1");
    const before = textOf(it.state);
    const reply = it.submit(tasks);
    expect(reply).toMatchObject({ type: "refused", fault: { code, ...(path ? { path } : {}) } });
    expect(textOf(it.state)).toBe(before);
  });

  test("names the circle", () => {
    const reply = bench("w1").submit([spec("a", { depends_on: ["b"] }), spec("b", { depends_on: ["a"] })]);
    expect(reply.type === "refused" && reply.fault.message).toContain("a → b → a");
  });

  test("waits for capacity when told to, and runs when it comes", () => {
    const it = new Bench();
    expect(it.submit([spec("a", { requirements: { hardware: ["cuda"] } })], { waitForCapacity: true }).type).toBe(
      "run_accepted",
    );
    it.worker("w1");
    expect(it.task("a").state).toBe("queued");
    expect(explain(it.state, it.task("a")).workers[0]?.reasons[0]).toContain("wants cuda, has cpu");
    it.worker("w2", { hardware: ["cuda", "cpu"] });
    expect(it.task("a").leases[0]).toMatchObject({ workerId: "w2", hardware: "cuda" });
  });

  test("answers the same key with the same run, and refuses it for another document", () => {
    const it = bench("w1");
    it.submit([spec("a")], { idempotencyKey: "k" });
    expect(it.submit([spec("a")], { idempotencyKey: "k", runId: asRunId("run-2") })).toMatchObject({
      duplicate: true,
      runId: RUN,
    });
    expect(it.submit([spec("b")], { idempotencyKey: "k", digest: "other" })).toMatchObject({
      type: "refused",
      fault: { code: "conflict" },
    });
    expect(it.state.runs.size).toBe(1);
  });
});

describe("leasing", () => {
  test("gives the first preferred platform that the worker has", () => {
    const it = new Bench();
    it.worker("w1", { hardware: ["cpu", "wasm"] });
    it.submit([spec("a", { requirements: { hardware: ["cuda", "wasm", "cpu"] } })]);
    expect(it.task("a").leases[0]?.hardware).toBe("wasm");
  });

  test("higher priority first, then the order of submission", () => {
    const it = new Bench();
    it.worker("w1", { credits: 1 });
    it.submit([spec("a"), spec("b"), spec("c", { priority: 90 })]);
    const order: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const [lease] = it.state.leases.values();
      if (!lease) throw new Error("nothing is leased");
      order.push(lease.task.taskId);
      it.finish(lease.task.taskId);
    }
    expect(order).toEqual(["c", "a", "b"]);
    expect(it.state.runs.get(RUN)?.state).toBe("completed");
  });

  test("a task that nobody can run now does not hold back others", () => {
    const it = new Bench();
    it.worker("cpu", { credits: 1 });
    it.worker("gpu", { hardware: ["cuda"], credits: 1 });
    it.submit([
      spec("g1", { priority: 99, requirements: { hardware: ["cuda"] } }),
      spec("g2", { priority: 99, requirements: { hardware: ["cuda"] } }),
      spec("c1", { requirements: { hardware: ["cpu"] } }),
    ]);
    expect(it.task("g2").state).toBe("queued");
    expect(it.task("c1").state).toBe("leased");
    expect(explain(it.state, it.task("g2")).summary).toContain("none is free");
  });

  test("never more leases than credits, spread over workers", () => {
    const it = bench("w1", "w2");
    it.submit(Array.from({ length: 10 }, (_, index) => spec(`t${index}`)));
    expect([...it.state.workers.values()].map((worker) => worker.leases.size)).toEqual([2, 2]);
    expect(it.state.counts).toMatchObject({ total: 10, waiting: 6, running: 4 });
  });

  test("software versions are compared as numbers", () => {
    const it = new Bench();
    it.worker("old", { software: { torch: "2.10.1" } });
    const wish = (software: string): Reply => it.submit([spec("a", { requirements: { software: [software] } })]);
    expect(wish("torch>=2.11").type).toBe("refused");
    expect(wish("jax").type).toBe("refused");
    expect(wish("torch>=2.9").type).toBe("run_accepted");
  });
});

describe("dependencies", () => {
  test("run in order; what depends on a failed task is skipped, all the way down, and the run fails", () => {
    const it = bench("w1");
    it.submit([
      spec("a"),
      spec("b", { depends_on: ["a"] }),
      spec("c", { depends_on: ["b"] }),
      spec("d", { depends_on: ["c"] }),
    ]);
    expect(it.task("b").state).toBe("blocked");
    expect(explain(it.state, it.task("b")).waiting_for).toEqual(["a"]);
    it.finish("a");
    it.finish("b", { status: "failed", failure: { class: "assertion", message: "no" } });
    expect([it.task("c").state, it.task("d").state]).toEqual(["skipped", "skipped"]);
    expect(it.state.runs.get(RUN)).toMatchObject({
      state: "failed",
      counts: { completed: 1, failed: 1, skipped: 2, error: 0 },
    });
  });
});

describe("results", () => {
  test("count only under their lease; a copy gets the same answer, another result is a conflict recorded once", () => {
    const it = bench("w1");
    it.submit([spec("a"), spec("b")]);
    const item = it.item(it.task("a"));
    const report = (digest: string, workerId = "w1"): Reply =>
      it.do({ type: "attempt_finished", workerId: asWorkerId(workerId), item, digest });
    expect(report("d1", "w2")).toMatchObject({ verdict: "stale" });
    expect(report("d1")).toMatchObject({ verdict: "accepted" });
    const seq = it.state.seq;
    expect(report("d1")).toMatchObject({ verdict: "accepted" });
    expect(it.state.seq).toBe(seq);
    expect(report("d2")).toMatchObject({ verdict: "conflict" });
    expect(report("d3")).toMatchObject({ verdict: "conflict" });
    expect(it.state.seq).toBe(seq + 1);
    expect(it.task("a").state).toBe("completed");
  });

  test("a late result of a lost lease is stale, and the new attempt's counts", () => {
    const it = bench("w1");
    it.submit([spec("a")]);
    const late = it.item(it.task("a"));
    it.do({
      type: "worker_disconnected",
      workerId: asWorkerId("w1"),
      sessionId: "w1-1",
      reason: "gone",
      graceMs: 5_000 - it.nowMs,
    });
    it.nowMs = 5_000;
    it.do({ type: "tick" });
    expect(it.task("a").state).toBe("queued");
    it.worker("w2");
    expect(it.task("a").leases[0]?.attempt).toBe(2);
    expect(it.do({ type: "attempt_finished", workerId: asWorkerId("w1"), item: late, digest: "x" })).toMatchObject({
      verdict: "stale",
    });
    it.finish("a");
    expect(it.task("a").past.map((past) => past.outcome)).toEqual(["lost", "succeeded"]);
  });
});

describe("retries", () => {
  const fail = (it: Bench, failureClass: "crash" | "assertion" | "timeout" | "setup"): void =>
    void it.finish("a", { status: "failed", failure: { class: failureClass, message: "m" } });

  test("a crash is tried again after a delay, each class within its budget", () => {
    const it = bench("w1");
    it.submit([spec("a", { retry_policy: { max_retries: 1, retry_delay_seconds: 100 } })]);
    fail(it, "crash");
    const { notBeforeMs } = it.task("a");
    expect(it.task("a").state).toBe("queued");
    expect(notBeforeMs).toBeGreaterThan(it.nowMs);
    expect(notBeforeMs).toBeLessThanOrEqual(it.nowMs + 100_000);
    expect(explain(it.state, it.task("a")).not_before).not.toBeNull();
    it.nowMs = notBeforeMs;
    it.do({ type: "tick" });
    fail(it, "setup");
    it.nowMs = it.task("a").notBeforeMs;
    it.do({ type: "tick" });
    fail(it, "crash");
    expect(it.task("a")).toMatchObject({ state: "failed", failureClass: "crash" });
    expect(it.state.runs.get(RUN)?.counts).toMatchObject({ error: 1, failed: 0 });
  });

  test("a test that says no is never tried again", () => {
    const it = bench("w1");
    it.submit([spec("a")]);
    fail(it, "assertion");
    expect(it.task("a").state).toBe("failed");
    expect(it.task("a").past).toHaveLength(1);
  });

  test("a task that was running on three lost workers is not given to a fourth", () => {
    const it = new Bench();
    it.worker("w0");
    it.submit([spec("a", { retry_policy: { max_retries: 0 } })]);
    for (let round = 0; round < 3; round += 1) {
      if (round > 0) it.worker(`w${round}`);
      it.do({
        type: "worker_disconnected",
        workerId: asWorkerId(`w${round}`),
        sessionId: `w${round}-1`,
        reason: "gone",
        graceMs: 1,
      });
      it.nowMs += 1;
      it.do({ type: "tick" });
    }
    it.worker("w9");
    expect(it.task("a")).toMatchObject({ state: "failed", failureClass: "worker_lost" });
  });

  test("the coordinator ends an attempt that the worker let run past its limit", () => {
    const it = bench("w1");
    it.submit([spec("a", { timeout_seconds: 10, retry_policy: { max_retries: 0 } })]);
    const leaseSeq = it.task("a").leases[0]?.leaseSeq ?? 0;
    it.do({ type: "attempt_started", workerId: asWorkerId("w1"), leaseSeq, startedAtMs: it.nowMs });
    it.nowMs += 10_000 + DEADLINE_MARGIN_MS - 1;
    it.do({ type: "tick" });
    expect(it.task("a").state).toBe("running");
    it.nowMs += 1;
    it.do({ type: "tick" });
    expect(it.task("a")).toMatchObject({ state: "failed", failureClass: "timeout" });
  });
});

describe("workers", () => {
  test("a worker that comes back keeps what it holds, gets again what it never got, and loses what it forgot", () => {
    const it = new Bench();
    it.worker("w1", { credits: 3 });
    it.submit([spec("a"), spec("b"), spec("c")]);
    const leaseSeqs = ["a", "b", "c"].map((id) => it.task(id).leases[0]?.leaseSeq ?? 0);
    for (const leaseSeq of leaseSeqs.slice(0, 2)) {
      it.do({ type: "attempt_started", workerId: asWorkerId("w1"), leaseSeq, startedAtMs: 1 });
    }
    const [a = 0, b = 0, c = 0] = leaseSeqs;
    const reply = it.do({
      type: "register_worker",
      workerId: asWorkerId("w1"),
      name: "w1",
      incarnation: "1",
      sessionId: "again",
      capabilities: capabilities(),
      slots: 1,
      credits: 3,
      held: [
        { lease_seq: a, run_id: RUN, task_id: "a", attempt: 1, state: "running" },
        { lease_seq: 1, run_id: RUN, task_id: "x", attempt: 1, state: "running" },
      ],
    });
    expect(reply).toMatchObject({ resend: [c], fenced: [1] });
    expect(it.task("a").leases[0]?.leaseSeq).toBe(a);
    expect(it.task("b").leases[0]?.leaseSeq).not.toBe(b);
    expect(it.task("b").past[0]?.outcome).toBe("lost");
  });

  test("a heartbeat that does not list a lease it must have received ends the attempt; a newer one is left alone", () => {
    const it = bench("w1");
    it.submit([spec("a"), spec("b")]);
    const [a = 0, b = 0] = ["a", "b"].map((id) => it.task(id).leases[0]?.leaseSeq);
    it.do({
      type: "worker_heartbeat",
      workerId: asWorkerId("w1"),
      sessionId: "w1-1",
      load: { cpu_percent: 0, memory_used_gb: 0, running: 0 },
      receivedSeq: a,
      held: [],
    });
    expect(it.task("a").past[0]).toMatchObject({ outcome: "lost", leaseSeq: a });
    expect(it.task("b").leases[0]?.leaseSeq).toBe(b);
  });

  test("a draining worker gets nothing new, also after it reconnects; a new process of it does", () => {
    const it = bench("w1");
    it.do({
      type: "command_worker",
      workerId: asWorkerId("w1"),
      commandId: "c1",
      action: "drain",
      deadlineMs: null,
      version: null,
      by: "me",
      reason: "r",
    });
    it.submit([spec("a")]);
    expect(it.task("a").state).toBe("queued");
    expect(it.worker("w1")).toMatchObject({ draining: true });
    expect(it.task("a").state).toBe("queued");
    const done = { commandId: "c1", state: "done" as const, message: "" };
    it.do({ type: "worker_answered", workerId: asWorkerId("w1"), sessionId: "w1-1", ...done });
    it.worker("w1", { incarnation: "2" });
    expect(it.task("a").state).toBe("leased");
  });

  test("a new leader gives workers time to come back", () => {
    const it = bench("w1");
    it.submit([spec("a")]);
    it.do({ type: "open_epoch", epoch: 2, holder: "h", graceMs: 30_000 });
    it.nowMs += 29_999;
    it.do({ type: "tick" });
    expect(it.task("a").state).toBe("leased");
    it.nowMs += 1;
    it.do({ type: "tick" });
    expect(it.task("a").past[0]?.outcome).toBe("lost");
  });

  test("goodbye hands everything back without counting a failure", () => {
    const it = bench("w1");
    it.submit([spec("a", { retry_policy: { max_retries: 0 } })]);
    it.do({ type: "worker_goodbye", workerId: asWorkerId("w1"), sessionId: "w1-1", reason: "stop" });
    expect(it.task("a")).toMatchObject({ state: "queued" });
    it.worker("w2");
    it.finish("a");
    expect(it.task("a").state).toBe("completed");
  });
});

describe("cancelling", () => {
  test("a run: waiting tasks end at once, running ones when their worker says so, and nothing new starts", () => {
    const it = bench("w1");
    it.submit([spec("a"), spec("b"), spec("c"), spec("d", { depends_on: ["c"] })]);
    it.do({ type: "cancel_run", runId: RUN, by: "me", reason: "r" });
    expect([it.task("c").state, it.task("d").state]).toEqual(["cancelled", "cancelled"]);
    it.finish("a", { status: "cancelled" });
    it.finish("b");
    expect(it.state.runs.get(RUN)).toMatchObject({ state: "cancelled", counts: { cancelled: 4 } });
  });

  test("one task: its dependents are skipped", () => {
    const it = new Bench();
    it.submit([spec("a"), spec("b", { depends_on: ["a"] })], { waitForCapacity: true });
    it.do({ type: "cancel_task", runId: RUN, taskId: asTaskId("a"), by: "me", reason: "r" });
    expect([it.task("a").state, it.task("b").state]).toEqual(["cancelled", "skipped"]);
    expect(it.do({ type: "cancel_task", runId: RUN, taskId: asTaskId("zz"), by: "me", reason: "r" })).toMatchObject({
      type: "refused",
    });
  });
});

test("a finished run leaves memory once it is projected, and its key is still known", () => {
  const it = bench("w1");
  it.submit([spec("a")], { idempotencyKey: "k" });
  it.finish("a");
  it.do({ type: "projected", seq: it.state.seq });
  expect(it.state.runs.size).toBe(1);
  it.nowMs += 60_000;
  it.do({ type: "projected", seq: it.state.seq });
  expect(it.state.runs.size).toBe(0);
  expect(it.state.counts).toMatchObject({ total: 0, completed: 0 });
  expect(it.submit([spec("a")], { idempotencyKey: "k" })).toMatchObject({ duplicate: true });
});

test("of finished runs, memory holds those that ended last, up to a number of tasks", () => {
  const it = new Bench();
  const many = Array.from({ length: 10_000 }, (_, place) => spec(`t${place}`));
  const [first, second, third] = [asRunId("r-1"), asRunId("r-2"), asRunId("r-3")];
  for (const runId of [first, second, third]) it.submit(many, { runId, waitForCapacity: true });
  for (const runId of [second, third, first]) it.do({ type: "cancel_run", runId, by: "me", reason: "r" });
  it.do({ type: "projected", seq: it.state.seq });
  expect([...it.state.runs.keys()]).toEqual([first, third]);
});

test("a snapshot gives the same state back", () => {
  const it = bench("w1", "w2");
  it.submit([spec("a"), spec("b"), spec("c", { depends_on: ["a"] }), spec("d"), spec("e"), spec("f")]);
  it.finish("b", { status: "failed", failure: { class: "crash", message: "m" } });
  const copy = copyBySnapshot(it.state);
  expect(textOf(copy)).toBe(textOf(it.state));
  expect(copy.counts).toEqual(it.state.counts);
  expect(copy.timers.size).toBe(it.state.timers.size);
});

test.each([-86_400_000, 86_400_000])(
  "a worker's clock that is off by %d ms changes nothing in its tasks' time limits",
  (off) => {
    const it = bench();
    it.worker("w");
    it.submit([spec("a", { timeout_seconds: 60 })]);
    const [lease] = it.task("a").leases;
    it.do({
      type: "attempt_started",
      workerId: lease!.workerId,
      leaseSeq: lease!.leaseSeq,
      startedAtMs: it.nowMs + off,
    });
    it.pass(60_000);
    expect(it.on("a")).toEqual(["w"]);
    it.pass(600_000);
    expect(it.task("a").past[0]).toMatchObject({ outcome: "timed_out" });
  },
);

test("a task that asks for a sandbox waits for one, although the task before it is its like but for that", () => {
  const it = bench();
  it.worker("w", { credits: 4 });
  it.submit([spec("a"), spec("b", { limits: { sandbox: true } }), spec("c")], { waitForCapacity: true });
  expect(["a", "b", "c"].map((id) => it.on(id))).toEqual([["w"], [], ["w"]]);
});
