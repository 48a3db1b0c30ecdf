import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FinishedItem } from "../contracts/index.ts";
import type { OutboxStore } from "./outbox.ts";
import { Outbox } from "./outbox.ts";
import { MemoryLogger } from "./worker-acceptance.ts";
import { SqliteOutboxStore } from "./sqlite-outbox-store.ts";

let folder: string;
let logger: MemoryLogger;
const open = (): Outbox => new Outbox(new SqliteOutboxStore(join(folder, "outbox.sqlite")), logger);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-outbox-"));
  logger = new MemoryLogger();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function item(leaseSeq: number): FinishedItem {
  return {
    lease_seq: leaseSeq,
    run_id: "run-1",
    attempt: 1,
    started_at_ms: 1,
    finished_at_ms: 2,
    result: {
      task_id: `task-${leaseSeq}`,
      worker_id: "worker-1",
      status: "completed",
      execution_time_seconds: 0.001,
      hardware_metrics: {},
      results: { text: "ä \u0000 \u{1f600}", list: [1, 2.5, null] },
      simulation_status: { is_simulated: false },
      recovery: [],
      metrics: [],
      artifacts: [],
    },
  };
}

test("what was committed is there again after opening, the same, in order", () => {
  const outbox = open();
  for (const leaseSeq of [3, 1, 2]) outbox.add(item(leaseSeq));
  expect(outbox.commit().map(({ lease_seq }) => lease_seq)).toEqual([3, 1, 2]);
  expect(outbox.commit()).toEqual([]);
  outbox.acknowledge(1);
  outbox.acknowledge(77);
  outbox.close();
  const again = open();
  expect(again.all()).toEqual([item(2), item(3)]);
  expect(JSON.stringify(again.all())).toBe(JSON.stringify([item(2), item(3)]));
  expect([again.has(1), again.has(2), again.size]).toEqual([false, true, 2]);
  again.close();
});

test("a replacement takes the place of the result", () => {
  const outbox = open();
  outbox.add(item(1));
  outbox.commit();
  outbox.add({ ...item(1), attempt: 2 });
  outbox.close();
  const again = open();
  expect(again.all()).toEqual([{ ...item(1), attempt: 2 }]);
  again.close();
});

test("when the disk fails, results are handed out all the same, and stored when it is well again", () => {
  // Only the store that fails is made up: a file system is filled in the tests of whole workers.
  const written: { put: readonly unknown[]; remove: readonly number[] }[] = [];
  let full = true;
  const disk: OutboxStore = {
    load: () => [],
    write: (changes) => {
      if (full) throw new Error("database or disk is full");
      written.push(changes);
    },
    outlast: () => undefined,
    close: () => undefined,
  };
  const outbox = new Outbox(disk, logger);
  outbox.add(item(1));
  outbox.add(item(2));
  expect(outbox.commit()).toEqual([item(1), item(2)]);
  expect(outbox.unstored).toBe("database or disk is full");
  // Acknowledged meanwhile: it need not be written any more.
  outbox.acknowledge(1);
  expect(outbox.commit()).toEqual([]);
  full = false;
  expect(outbox.commit()).toEqual([]);
  expect(outbox.unstored).toBeNull();
  expect(written).toEqual([{ put: [item(2)], remove: [1] }]);
  expect(outbox.all()).toEqual([item(2)]);
});
