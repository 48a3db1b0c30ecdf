import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WorkerCommandItem } from "../contracts/index.ts";
import type { Supervision } from "./supervision.ts";
import { lease, until, WorkerBench } from "./worker-acceptance.ts";

let bench: WorkerBench;
beforeEach(async () => {
  bench = await WorkerBench.open();
});
afterEach(() => bench.close());

describe("drain", () => {
  test("asked by the coordinator: hands back what waits, finishes what runs, takes no more", async () => {
    const worker = await bench.start({ slots: 1 });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1), lease(2), lease(3));
    await until(() => expect(puppet.begun).toHaveLength(1));
    coordinator.seat.session.send({ type: "drain", reason: "maintenance" });
    await until(() => expect(coordinator.released).toEqual([2, 3]));
    coordinator.assign(lease(4));
    await until(() => expect(coordinator.released).toEqual([2, 3, 4]));
    expect(coordinator.all("capabilities")).toEqual([]);
    expect(worker.status).toMatchObject({ draining: true, running: 1 });
    puppet.finish("task-1");
    await worker.drained;
    expect(coordinator.finished.map(({ lease_seq }) => lease_seq)).toEqual([1]);
    expect(puppet.begun).toEqual(["task-1"]);
    expect(worker.status.connected).toBe(true);
  });

  test("by itself: also tells the coordinator that it offers nothing any more", async () => {
    const worker = await bench.start({ slots: 1 });
    const { coordinator } = bench;
    await coordinator.connected();
    worker.drain("going home");
    await worker.drained;
    await until(() => expect(coordinator.all("capabilities")).toHaveLength(1));
    expect(coordinator.all("capabilities")[0]?.capabilities.task_types).toEqual([]);
    coordinator.drop();
    await coordinator.connected(2);
    expect(coordinator.seat.hello?.capabilities.task_types).toEqual([]);
  });

  test("leases handed back while there is no session are named in the greeting and handed back after it", async () => {
    const worker = await bench.start({ slots: 1 });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1), lease(2));
    await until(() => expect(puppet.begun).toHaveLength(1));
    coordinator.welcomes = false;
    coordinator.drop();
    await until(() => expect(worker.status.connected).toBe(false));
    worker.drain("going home");
    coordinator.welcomes = true;
    await coordinator.connected(2);
    await until(() => expect(coordinator.released).toEqual([2]));
    expect(coordinator.seat.hello?.held.map(({ lease_seq }) => lease_seq)).toEqual([1, 2]);
  });
});

describe("commands", () => {
  const order = (action: "drain" | "stop" | "restart" | "update", more: Partial<WorkerCommandItem> = {}): void =>
    bench.coordinator.seat.session.send({
      type: "command",
      items: [{ command_id: `c-${action}`, action, reason: "upkeep", ...more }],
    });
  const answers = (): string[] =>
    bench.coordinator.all("answer").flatMap(({ items }) => items.map((one) => `${one.command_id} ${one.state}`));
  const supervision = (more: Partial<Supervision> = {}): Supervision => ({
    ...{ version: "1", note: null, refused: null },
    prepare: () => Promise.resolve(),
    healthy: () => undefined,
    ...more,
  });

  test("drain: done when nothing runs and all is acknowledged; sent again it is answered again, not done again", async () => {
    const worker = await bench.start({ slots: 1 });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1), lease(2));
    await until(() => expect(puppet.begun).toHaveLength(1));
    order("drain");
    await until(() => expect(coordinator.released).toEqual([2]));
    expect(answers()).toEqual(["c-drain accepted"]);
    puppet.finish("task-1");
    await until(() => expect(answers()).toEqual(["c-drain accepted", "c-drain done"]));
    order("drain");
    await until(() => expect(answers()).toEqual(["c-drain accepted", "c-drain done", "c-drain done"]));
    expect(worker.status).toMatchObject({ connected: true, draining: true });
  });

  test("with a deadline what runs is handed back", async () => {
    await bench.start({ slots: 1 });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1));
    await until(() => expect(puppet.begun).toHaveLength(1));
    order("drain", { deadline_ms: 10 });
    await until(() => expect(answers()).toEqual(["c-drain accepted", "c-drain done"]));
    expect(coordinator.released).toEqual([1]);
  });

  test("stop: answers, says goodbye, ends", async () => {
    const worker = await bench.start();
    await bench.coordinator.connected();
    order("stop");
    expect(await worker.ended).toBeNull();
    expect(worker.endsBy).toBe("stop");
    expect(answers()).toEqual(["c-stop accepted", "c-stop done"]);
    expect(bench.coordinator.all("goodbye")).toHaveLength(1);
  });

  test("restart: ends without goodbye, and the next process says that it is done", async () => {
    const worker = await bench.start({ supervision: supervision() });
    await bench.coordinator.connected();
    order("restart");
    expect(await worker.ended).toBeNull();
    expect(worker.endsBy).toBe("restart");
    expect(bench.coordinator.all("goodbye")).toEqual([]);
    await bench.start({ supervision: supervision({ note: "restarted as asked" }) });
    await bench.coordinator.connected(2);
    expect(bench.coordinator.seat.hello?.note).toBe("restarted as asked");
    order("restart");
    await until(() => expect(answers()).toEqual(["c-restart accepted", "c-restart done"]));
  });

  test("update: a version that cannot be had is a failure, and the worker works on", async () => {
    const prepare = (): Promise<void> => Promise.reject(new Error("there is no such version"));
    const worker = await bench.start({ supervision: supervision({ prepare }) });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    order("update", { version: "2" });
    await until(() => expect(answers()).toEqual(["c-update accepted", "c-update failed"]));
    expect(worker.status.draining).toBe(false);
    coordinator.assign(lease(1));
    puppet.finish("task-1");
    await until(() => expect(coordinator.finished).toHaveLength(1));
  });

  test("a worker that nothing would start anew says so", async () => {
    const worker = await bench.start();
    await bench.coordinator.connected();
    order("restart");
    await until(() => expect(answers()).toEqual(["c-restart accepted", "c-restart failed"]));
    expect(worker.status.draining).toBe(false);
  });
});

describe("stop", () => {
  test("hands back what waits, lets what runs end, delivers it, says goodbye", async () => {
    const worker = await bench.start({ slots: 1 });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1), lease(2));
    await until(() => expect(puppet.begun).toHaveLength(1));
    const stopped = worker.stop({ deadlineMs: 3_600_000, reason: "night" });
    await until(() => expect(coordinator.released).toEqual([2]));
    puppet.finish("task-1");
    await stopped;
    expect(await worker.ended).toBeNull();
    expect(coordinator.finished.map(({ lease_seq, result }) => [lease_seq, result.status])).toEqual([[1, "completed"]]);
    expect(coordinator.seat.frames.at(-1)).toEqual({ type: "goodbye", reason: "night" });
    expect(coordinator.seat.ended).toBe(true);
  });

  test("at the deadline what runs is given up and handed back, without a result", async () => {
    const worker = await bench.start({ slots: 2 });
    const { coordinator, puppet } = bench;
    await coordinator.connected();
    coordinator.assign(lease(1), lease(2));
    await until(() => expect(puppet.begun).toHaveLength(2));
    await worker.stop({ deadlineMs: 0 });
    expect(puppet.contexts.get("task-1")?.signal.reason).toBe("shutdown");
    expect(new Set(coordinator.released)).toEqual(new Set([1, 2]));
    expect(coordinator.finished).toEqual([]);
  });

  test("while there is no coordinator it ends too, and keeps its results for the next start", async () => {
    const worker = await bench.start();
    const { coordinator, puppet } = bench;
    coordinator.verdict = null;
    await coordinator.connected();
    coordinator.assign(lease(1));
    puppet.finish("task-1");
    await until(() => expect(coordinator.finished).toHaveLength(1));
    coordinator.welcomes = false;
    coordinator.drop();
    await until(() => expect(worker.status.connected).toBe(false));
    await worker.stop({ deadlineMs: 0 });
    coordinator.welcomes = true;
    coordinator.verdict = "accepted";
    await bench.start();
    await until(() => expect(coordinator.finished).toHaveLength(2));
    expect(coordinator.seat.hello?.held).toMatchObject([{ lease_seq: 1, state: "finished" }]);
  });

  test("without durability a restart knows nothing", async () => {
    const worker = await bench.start({ durable: false });
    bench.coordinator.verdict = null;
    await bench.coordinator.connected();
    bench.coordinator.assign(lease(1));
    bench.puppet.finish("task-1");
    await until(() => expect(bench.coordinator.finished).toHaveLength(1));
    await worker.stop({ deadlineMs: 0 });
    expect(await readdir(join(bench.folder, "data"))).not.toContain("outbox.sqlite");
    await bench.start({ durable: false });
    await bench.coordinator.connected(2);
    expect(bench.coordinator.seat.hello?.held).toEqual([]);
  });
});
