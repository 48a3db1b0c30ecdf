import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lease, until, WorkerBench } from "./worker-acceptance.ts";

let bench: WorkerBench;
beforeEach(async () => {
  bench = await WorkerBench.open();
});
afterEach(() => bench.close());

const returned = (): unknown[] => bench.coordinator.all("released").flatMap(({ items }) => items);

/** A worker with one slot: the first lease runs, the second waits. */
async function busy(): Promise<void> {
  await bench.start({ slots: 1 });
  await bench.coordinator.connected();
  bench.coordinator.assign(lease(1), lease(2));
  await until(() => expect(bench.puppet.begun).toEqual(["task-1"]));
}

function revoke(leaseSeq: number, running: boolean): void {
  bench.coordinator.seat.session.send({
    type: "revoke",
    items: [{ lease_seq: leaseSeq, running, reason: "wanted elsewhere" }],
  });
}

describe("a lease that is asked back", () => {
  test("is handed back when it waits, and left alone when it runs", async () => {
    await busy();
    revoke(1, false);
    revoke(2, false);
    revoke(99, true);
    await until(() => expect(returned()).toEqual([{ lease_seq: 2, reason: "wanted elsewhere" }]));
    bench.puppet.finish("task-1");
    await until(() => expect(bench.coordinator.finished.map(({ lease_seq }) => lease_seq)).toEqual([1]));
    expect(bench.puppet.begun).toEqual(["task-1"]);
  });

  test("with what runs: the attempt is stopped and handed back with its last payload; the next lease takes its slot", async () => {
    await busy();
    const context = bench.puppet.contexts.get("task-1");
    context?.progress({ payload: "step 1" });
    context?.progress({ payload: "step 2" });
    context?.progress({ payload: "x".repeat(8_193) });
    revoke(1, true);
    await until(() =>
      expect(returned()).toEqual([{ lease_seq: 1, reason: "made room for other work", payload: "step 2" }]),
    );
    expect(context?.signal.reason).toBe("preempted");
    expect(bench.coordinator.all("progress")).toMatchObject([{ lease_seq: 1, payload: "step 2" }]);
    await until(() => expect(bench.puppet.begun).toEqual(["task-1", "task-2"]));
    expect(bench.coordinator.finished).toEqual([]);
  });

  test("that ends with a result after all keeps it", async () => {
    await busy();
    bench.puppet.finish("task-1");
    revoke(1, true);
    await until(() => expect(bench.coordinator.finished.map(({ lease_seq }) => lease_seq)).toEqual([1]));
    expect(returned()).toEqual([]);
  });
});

test("an executor is given GPUs, peers and the payload of the attempt before", async () => {
  await bench.start();
  await bench.coordinator.connected();
  const peers = [{ task_id: "task-1", worker_id: "w1", hostname: "box" }];
  bench.coordinator.assign({ ...lease(1), gpus: [0, 2], peers, payload: "step 2" }, lease(2));
  await until(() => expect(bench.puppet.begun).toHaveLength(2));
  expect(bench.puppet.contexts.get("task-1")).toMatchObject({ gpus: [0, 2], peers, resumed: "step 2" });
  expect(bench.puppet.contexts.get("task-2")).toMatchObject({ gpus: [], peers: [], resumed: null });
});

test("a stopping worker hands attempts back with their payload", async () => {
  const worker = await bench.start();
  await bench.coordinator.connected();
  bench.coordinator.assign(lease(1));
  await until(() => expect(bench.puppet.begun).toHaveLength(1));
  bench.puppet.contexts.get("task-1")?.progress({ payload: "step 7" });
  await worker.stop({ deadlineMs: 0 });
  expect(returned()).toMatchObject([{ lease_seq: 1, payload: "step 7" }]);
});

test("pools are part of what a worker offers", async () => {
  const worker = await bench.start({ pools: ["gpu", "nightly"] });
  expect(worker.capabilities.pools).toEqual(["gpu", "nightly"]);
  await expect(bench.start({ pools: [] })).rejects.toMatchObject({ code: "usage" });
  await expect(bench.start({ pools: ["no spaces"] })).rejects.toMatchObject({ code: "usage" });
});
