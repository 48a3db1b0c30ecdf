import { describe, expect, test } from "vitest";
import type { JournalEvent } from "../contracts/index.ts";
import type { Results } from "./open-results.ts";
import { ALL, command, registered, ResultsFolder, specs, Story, story, worker } from "./results-acceptance.ts";

const folder = new ResultsFolder();

const TABLES = [
  "worker_nodes",
  "runs",
  "distributed_tasks",
  "task_execution_history",
  "results",
  "metrics",
  "artifacts",
  "tests",
  "projection",
];

/** Every row of every table, as text. */
async function contents(one: Results): Promise<string> {
  const parts = await Promise.all(
    TABLES.map(async (table) => (await one.sql(`select * from ${table} order by all`, 10_000)).rows),
  );
  return JSON.stringify(parts, null, 1);
}

describe("projection", () => {
  test("rows are the same, however often they were written and the database was opened in between", async () => {
    const { events } = story();
    const whole = await folder.open("whole.duckdb");
    whole.apply(events, 1);
    await whole.flush();
    const expected = await contents(whole);
    for (const every of [1, 3, 7]) {
      const file = `${every}.duckdb`;
      let one = await folder.open(file);
      for (let start = 0; start < events.length; start += every) {
        one.apply(events.slice(start, start + every), 1);
        await one.flush();
        if (start % 2 === 0) {
          await folder.close(one);
          one = await folder.open(file);
        }
      }
      expect(await contents(one)).toBe(expected);
    }
  });

  test("events that were written already are left out, a gap is refused", async () => {
    const { events } = story();
    const one = await folder.open();
    one.apply(events.slice(0, 8), 1);
    await one.flush();
    one.apply(events.slice(0, 10), 2);
    await one.flush();
    expect(one.applied()).toEqual({ eventSeq: 10, batchSeq: 2 });
    expect(() => one.apply(events.slice(11), 3)).toThrow("event 12 follows event 10");
  });

  test("what was not flushed is not there, and results made anew are the same", async () => {
    const { events } = story();
    const one = await folder.open();
    one.apply(events, 1);
    await one.flush();
    const expected = await contents(one);
    const other = await folder.open("other.duckdb");
    other.apply(events, 1);
    expect((await other.sql("select count(*) from results", 1)).rows).toEqual([["0"]]);
    await other.flush();
    expect(await contents(other)).toBe(expected);
  });
});

describe("the row of a worker", () => {
  test("tells why it gets no work, also to whoever opens the database anew; health checks are nobody's rows", async () => {
    const tale = new Story();
    tale.add(registered);
    tale.add({ type: "worker_flapping", workerId: worker, reconnects: 4, untilMs: 1_700_000_004_500 });
    tale.add({ type: "worker_quarantined", workerId: worker, reason: "10 failed", by: null });
    tale.add({ ...specs(command("check")), checks: worker } as JournalEvent);
    const one = await folder.of(tale);
    const { items } = await one.workers(ALL);
    const since = "2023-11-14T22:13:23.000Z";
    const wanted = { status: "quarantined", quarantine: { reason: "10 failed", by: null, since } };
    expect(items).toEqual([expect.objectContaining({ ...wanted, held_until: "2023-11-14T22:13:24.500Z" })]);
    expect((await one.runs(ALL)).items).toEqual([]);
    await folder.close(one);
    tale.add({
      type: "worker_suspected",
      workerId: worker,
      reason: "silent",
      lostAtMs: 1_700_000_009_000,
      connected: true,
    });
    const released: JournalEvent = { type: "worker_released", workerId: worker, reason: "passed", by: null };
    tale.add(released);
    const again = await folder.open();
    again.apply(tale.events, 2);
    await again.flush();
    expect((await again.workers(ALL)).items).toEqual([
      expect.objectContaining({ status: "suspect", quarantine: null }),
    ]);
    tale.add({ type: "worker_resumed", workerId: worker });
    again.apply(tale.events, 3);
    await again.flush();
    expect((await again.workers(ALL)).items).toEqual([expect.objectContaining({ status: "ready" })]);
    await folder.close(again);
  });

  test("forgets what a worker was kept from work for when it leaves: started again, it is as good as new", async () => {
    const tale = new Story();
    tale.add(registered);
    tale.add({ type: "worker_flapping", workerId: worker, reconnects: 4, untilMs: 1_700_000_900_000 });
    tale.add({ type: "worker_draining", workerId: worker, reason: "enough", by: "me" });
    tale.add({ type: "worker_left", workerId: worker, reason: "stopped" });
    tale.add(registered);
    const one = await folder.of(tale);
    expect((await one.workers(ALL)).items).toEqual([expect.objectContaining({ status: "ready", held_until: null })]);
    await folder.close(one);
  });
});
