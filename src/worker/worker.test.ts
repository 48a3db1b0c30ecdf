import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ExecutionReport } from "../executors/index.ts";
import { lease, until, WorkerBench } from "./worker-acceptance.ts";

let bench: WorkerBench;
beforeEach(async () => {
  bench = await WorkerBench.open();
});
afterEach(() => bench.close());

describe("greeting", () => {
  test("says who it is and what was measured, with labels", async () => {
    const worker = await bench.start({ labels: { site: "north" }, slots: 3 });
    await bench.coordinator.connected();
    const { hello } = bench.coordinator.seat;
    expect(hello).toMatchObject({ worker_id: worker.workerId, name: "bench-1", slots: 3, credits: 5, held: [] });
    expect(hello?.capabilities).toMatchObject({ task_types: ["browser"], labels: { site: "north" } });
    expect(hello?.capabilities.memory_gb).toBeGreaterThan(0);
    expect(hello?.capabilities).toEqual(worker.capabilities);
  });

  test("is the same worker after a restart, in another incarnation", async () => {
    const first = await bench.start();
    await bench.coordinator.connected();
    await first.stop({ deadlineMs: 0 });
    const second = await bench.start();
    await bench.coordinator.connected(2);
    expect(second.workerId).toBe(first.workerId);
    const [before, after] = bench.coordinator.seats.map(({ hello }) => hello?.incarnation);
    expect(after).not.toBe(before);
  });

  test("a second worker in the same folder is refused", async () => {
    await bench.start();
    await expect(bench.start()).rejects.toMatchObject({ code: "data_dir_locked" });
  });

  test("options that cannot be", async () => {
    await expect(bench.start({ slots: 0 })).rejects.toMatchObject({ code: "usage" });
    await expect(bench.start({ slots: 5_000 })).rejects.toMatchObject({ code: "usage" });
    await expect(bench.start({ reserve: -1 })).rejects.toMatchObject({ code: "usage" });
    await expect(bench.start({ name: "no spaces" })).rejects.toMatchObject({ code: "usage" });
    await expect(bench.start({ labels: { "": "x" } })).rejects.toMatchObject({ code: "usage" });
    for (const amount of [-1, Number.NaN, 1e7])
      await expect(bench.start({ price: { amount, currency: "USD" } })).rejects.toMatchObject({ code: "usage" });
    await writeFile(join(bench.folder, "file"), "");
    await expect(bench.start({ dataDir: join(bench.folder, "file", "data") })).rejects.toMatchObject({
      code: "data_dir_read_only",
    });
  });

  test("an executor that fails to measure offers no tasks", async () => {
    const broken = {
      types: ["browser"] as const,
      capabilities: () => Promise.reject(new Error("no display")),
      execute: () => never,
    };
    const worker = await bench.start({ executors: [bench.puppet, broken] });
    expect(worker.capabilities.task_types).toEqual(["browser"]);
    expect(bench.logger.lines).toContain("an executor failed to measure what it can do");
  });
});

const never: Promise<ExecutionReport> = new Promise(() => undefined);

describe("an assignment", () => {
  test("runs, is reported, and is forgotten once acknowledged", async () => {
    const worker = await bench.start();
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(7));
    await until(() => expect(coordinator.all("started")).toHaveLength(1));
    expect(worker.status).toMatchObject({ connected: true, running: 1, waiting: 0 });
    puppet.finish("task-7", {
      status: "completed",
      results: { answer: 42 },
      metrics: [{ name: "n", value: 1, unit: "x" }],
    });
    await until(() => expect(worker.status).toMatchObject({ running: 0, unacknowledged: 0 }));
    const [item] = coordinator.finished;
    expect(item).toMatchObject({
      lease_seq: 7,
      run_id: "run-1",
      attempt: 1,
      result: { task_id: "task-7", worker_id: worker.workerId, status: "completed", results: { answer: 42 } },
    });
    expect(item?.finished_at_ms).toBeGreaterThanOrEqual(item?.started_at_ms ?? Infinity);
    expect(coordinator.all("started")[0]?.items[0]).toEqual({ lease_seq: 7, started_at_ms: item?.started_at_ms });
  });

  test("that ends in the turn it began needs no start of its own", async () => {
    await bench.start();
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    const items = Array.from({ length: 50 }, (_, index) => lease(index + 1));
    for (const { spec } of items) puppet.finish(spec.task_id);
    coordinator.assign(...items);
    await until(() => expect(coordinator.finished).toHaveLength(50));
    expect(coordinator.all("finished")).toHaveLength(1);
    expect(coordinator.all("started")).toEqual([]);
  });

  test("never more run than there are slots, and they begin in order", async () => {
    const worker = await bench.start({ slots: 2 });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(...[1, 2, 3, 4, 5].map((seq) => lease(seq)));
    await until(() => expect(worker.status).toMatchObject({ running: 2, waiting: 3 }));
    for (const seq of [2, 1, 3, 4, 5]) {
      puppet.finish(`task-${seq}`);
      await until(() => expect(coordinator.finished.map(({ lease_seq }) => lease_seq)).toContain(seq));
    }
    expect(puppet.begun).toEqual(["task-1", "task-2", "task-3", "task-4", "task-5"]);
    expect(puppet.mostAtOnce).toBe(2);
  });

  test("that comes twice runs once, also after it has ended", async () => {
    const worker = await bench.start({ slots: 1 });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1), lease(2), lease(1), lease(2));
    coordinator.assign(lease(1), lease(2));
    puppet.finish("task-1");
    puppet.finish("task-2");
    await until(() => expect(worker.status.unacknowledged).toBe(0));
    coordinator.assign(lease(1), lease(2), lease(3));
    puppet.finish("task-3");
    await until(() => expect(coordinator.finished.map(({ lease_seq }) => lease_seq)).toEqual([1, 2, 3]));
    expect(puppet.begun).toEqual(["task-1", "task-2", "task-3"]);
  });

  test("of a type that the worker does not have fails in setup", async () => {
    await bench.start();
    await bench.coordinator.connected();
    bench.coordinator.assign(lease(1, { type: "hardware", config: {} }));
    await until(() => expect(bench.coordinator.finished).toHaveLength(1));
    expect(bench.coordinator.finished[0]?.result.failure).toMatchObject({ class: "setup", reason: "task_type" });
  });

  test("the executor's folder is the attempt's own and is gone afterwards", async () => {
    await bench.start();
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(5), lease(6));
    await until(() => expect(puppet.contexts.size).toBe(2));
    const folder = puppet.contexts.get("task-5")?.workDir ?? "";
    expect(folder).toBe(join(bench.folder, "data", "work", "5"));
    await writeFile(join(folder, "file"), "x");
    puppet.finish("task-5");
    puppet.finish("task-6");
    await until(() => expect(coordinator.finished).toHaveLength(2));
    expect(existsSync(folder)).toBe(false);
    expect(await readdir(join(bench.folder, "data", "work"))).toEqual([]);
  });

  test("artifacts become part of the result; a name is used once", async () => {
    await bench.start();
    const { coordinator, puppet, artifacts } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1));
    await until(() => expect(puppet.contexts.size).toBe(1));
    const context = puppet.contexts.get("task-1");
    const bytes = new TextEncoder().encode("hello");
    await context?.saveArtifact({ name: "a.txt", contentType: "text/plain", bytes });
    await expect(context?.saveArtifact({ name: "a.txt", contentType: "text/plain", bytes })).rejects.toMatchObject({
      code: "conflict",
    });
    puppet.finish("task-1");
    await until(() => expect(coordinator.finished).toHaveLength(1));
    expect(coordinator.finished[0]?.result.artifacts).toEqual([
      { name: "a.txt", sha256: "0".repeat(64), size_bytes: 5, content_type: "text/plain" },
    ]);
    expect(artifacts.stored).toEqual([5]);
  });
});

describe("executors that misbehave", () => {
  test("what they throw is a crash, or setup when it has a code", async () => {
    await bench.start();
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1), lease(2));
    puppet.fail("task-1", new TypeError("x is not a function"));
    const { assayError } = await import("../contracts/index.ts");
    puppet.fail("task-2", assayError("dependency_missing", "no runtime", { next: "Install it." }));
    await until(() => expect(coordinator.finished).toHaveLength(2));
    expect(coordinator.finished.map(({ result }) => result.failure)).toEqual([
      { class: "crash", reason: "executor_error", message: "x is not a function" },
      { class: "setup", reason: "dependency_missing", message: "no runtime. Install it." },
    ]);
  });

  test("a report that no coordinator would take becomes a failure", async () => {
    await bench.start({ slots: 4 });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(...[1, 2, 3, 4].map((seq) => lease(seq)));
    puppet.finish("task-1", { status: "completed", metrics: [{ name: "n", value: Number.NaN, unit: "x" }] });
    puppet.finish("task-2", { status: "failed" });
    puppet.finish("task-3", { status: "completed", results: { text: "x".repeat(2_000_000) } });
    puppet.finish("task-4");
    await until(() => expect(coordinator.finished).toHaveLength(4));
    const failures = new Map(coordinator.finished.map(({ lease_seq, result }) => [lease_seq, result.failure]));
    expect(failures.get(1)).toMatchObject({ class: "crash", reason: "invalid_result" });
    expect(failures.get(1)?.message).toContain("metrics[0].value");
    expect(failures.get(2)).toMatchObject({ class: "crash", reason: "invalid_result" });
    expect(failures.get(3)).toMatchObject({ class: "setup", reason: "result_not_sendable" });
    expect(failures.get(4)).toBeUndefined();
    expect(bench.coordinator.seats).toHaveLength(1);
  });
});

describe("time limit and cancellation", () => {
  test("an attempt over its limit is told to stop and reported as timed out", async () => {
    await bench.start();
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1, { timeout_seconds: 0.2 }));
    await until(() => expect(coordinator.finished).toHaveLength(1));
    expect(coordinator.finished[0]?.result).toMatchObject({ status: "timed_out", failure: { class: "timeout" } });
    expect(puppet.contexts.get("task-1")?.signal.reason).toBe("timeout");
  });

  test("an executor that does not stop loses its slot in the end", async () => {
    const deaf = { types: ["browser"] as const, execute: () => never };
    await bench.start({
      executors: [deaf],
      clock: {
        nowMs: Date.now,
        monotonicMs: () => performance.now(),
        setTimer: (ms, action) => shortTimer(ms / 10_000, action),
      },
    });
    await bench.coordinator.connected();
    bench.coordinator.assign(lease(1, { timeout_seconds: 100 }));
    await until(() => expect(bench.coordinator.finished).toHaveLength(1));
    expect(bench.coordinator.finished[0]?.result.status).toBe("timed_out");
    expect(bench.logger.lines).toContain("an executor does not stop; its slot is taken from it");
  });

  test("cancelling ends a running attempt and one that waits; an unknown lease is ignored", async () => {
    const worker = await bench.start({ slots: 1 });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1), lease(2));
    await until(() => expect(puppet.begun).toEqual(["task-1"]));
    coordinator.cancel(2);
    coordinator.cancel(1);
    coordinator.cancel(99);
    await until(() => expect(worker.status).toMatchObject({ running: 0, unacknowledged: 0 }));
    expect(
      coordinator.finished.map(({ lease_seq, result }) => [lease_seq, result.status, result.failure?.class]),
    ).toEqual(
      expect.arrayContaining([
        [1, "cancelled", "cancelled"],
        [2, "cancelled", "cancelled"],
      ]),
    );
    expect(puppet.begun).toEqual(["task-1"]);
  });
});

function shortTimer(ms: number, action: () => void): { cancel: () => void } {
  const handle = setTimeout(action, ms);
  return { cancel: () => clearTimeout(handle) };
}

describe("a lost connection", () => {
  test("a result without an answer is named in the next greeting and sent again, the same", async () => {
    const worker = await bench.start();
    const { coordinator, puppet } = bench;
    coordinator.verdict = null;
    await coordinator.connected();
    coordinator.assign(lease(3), lease(4));
    puppet.finish("task-3");
    await until(() => expect(coordinator.finished).toHaveLength(1));
    coordinator.drop();
    await coordinator.connected(2);
    expect(coordinator.seat.hello?.held).toEqual([
      { lease_seq: 4, run_id: "run-1", task_id: "task-4", attempt: 1, state: "running" },
      { lease_seq: 3, run_id: "run-1", task_id: "task-3", attempt: 1, state: "finished" },
    ]);
    await until(() => expect(coordinator.finished).toHaveLength(2));
    expect(coordinator.finished[1]).toEqual(coordinator.finished[0]);
    coordinator.ack(3, "stale");
    await until(() => expect(worker.status.unacknowledged).toBe(0));
    expect(puppet.begun).toEqual(["task-3", "task-4"]);
  });

  test("attempts go on meanwhile; what ends before the welcome is sent after it", async () => {
    const worker = await bench.start();
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1));
    await until(() => expect(puppet.begun).toHaveLength(1));
    coordinator.welcomes = false;
    coordinator.drop();
    await until(() => expect(coordinator.seat.hello?.held).toMatchObject([{ lease_seq: 1, state: "running" }]));
    puppet.finish("task-1");
    await until(() => expect(worker.status).toMatchObject({ running: 0, unacknowledged: 1, connected: false }));
    expect(coordinator.finished).toEqual([]);
    coordinator.welcome();
    await until(() => expect(worker.status.unacknowledged).toBe(0));
    expect(coordinator.finished).toHaveLength(1);
  });

  test("what is of a journal that was put back is forgotten, and the worker connects again", async () => {
    const { coordinator, puppet } = bench;
    coordinator.epoch = 5;
    const worker = await bench.start();
    await coordinator.connected();
    coordinator.verdict = null;
    coordinator.assign(lease(1), lease(2));
    puppet.finish("task-1");
    await until(() => expect(worker.status.unacknowledged).toBe(1));
    coordinator.epoch = 4;
    coordinator.drop();
    await until(() => expect(coordinator.seat.hello?.held).toEqual([]));
    await until(() => expect(coordinator.seat.session.state).toBe("open"));
    expect(puppet.contexts.get("task-2")?.signal.reason).toBe("shutdown");
    expect(worker.status).toMatchObject({ running: 0, waiting: 0, unacknowledged: 0 });
    // The same number is another lease now.
    coordinator.assign(lease(1));
    await until(() => expect(worker.status.unacknowledged).toBe(1));
  });

  test("a coordinator that refuses the worker ends it, and what runs is stopped", async () => {
    const worker = await bench.start();
    await bench.coordinator.connected();
    bench.coordinator.assign(lease(1));
    await until(() => expect(bench.puppet.begun).toHaveLength(1));
    bench.coordinator.seat.session.close("session_replaced", "the same worker connected again");
    expect(await worker.ended).toMatchObject({ code: "session_replaced" });
    expect(bench.puppet.contexts.get("task-1")?.signal.reason).toBe("shutdown");
    // The folder is free again.
    await bench.start();
  });
});

describe("heartbeat", () => {
  test("tells the load, what came, and what is held", async () => {
    bench.coordinator.heartbeatIntervalMs = 400;
    await bench.start({ slots: 1 });
    const { coordinator, puppet } = bench;
    coordinator.verdict = null;
    await coordinator.connected();
    coordinator.assign(lease(11), lease(12), lease(10));
    puppet.finish("task-11");
    await until(() =>
      expect(coordinator.all("heartbeat").at(-1)).toMatchObject({ received_seq: 12, held: [10, 12, 11] }),
    );
    const load = coordinator.all("heartbeat").at(-1)?.load;
    expect(load?.running).toBe(1);
    expect(load?.memory_used_gb).toBeGreaterThan(0);
  });
});

describe("live output", () => {
  test("comes while the attempt runs, and its rest before the result", async () => {
    await bench.start();
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1));
    await until(() => expect(puppet.contexts.size).toBe(1));
    const context = puppet.contexts.get("task-1");
    context?.log("stdout", "first ");
    context?.log("stdout", "line\n");
    context?.progress({ fraction: 0.5, message: "half" });
    await until(() =>
      expect(coordinator.all("log")).toEqual([{ type: "log", lease_seq: 1, stream: "stdout", text: "first line\n" }]),
    );
    expect(coordinator.all("progress")).toEqual([{ type: "progress", lease_seq: 1, fraction: 0.5, message: "half" }]);
    context?.log("stderr", "last words");
    puppet.finish("task-1");
    await until(() => expect(coordinator.finished).toHaveLength(1));
    const types = coordinator.seat.frames
      .map(({ type }) => type)
      .filter((type) => type === "log" || type === "finished");
    expect(types).toEqual(["log", "log", "finished"]);
    context?.log("stdout", "too late");
    expect(coordinator.all("log")).toHaveLength(2);
  });
});

test("a damaged identity file gives a new identity, and a stale work folder is cleared", async () => {
  const data = join(bench.folder, "data");
  await mkdir(join(data, "work", "12"), { recursive: true });
  await writeFile(join(data, "work", "12", "left"), "");
  await writeFile(join(data, "worker.json"), "{");
  const worker = await bench.start();
  expect(JSON.parse(await readFile(join(data, "worker.json"), "utf8"))).toEqual({ worker_id: worker.workerId });
  expect(existsSync(join(data, "work"))).toBe(false);
});
