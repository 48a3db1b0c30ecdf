import { describe, expect, test } from "vitest";
import { asRunId } from "../base/index.ts";
import type { JournalEvent } from "../contracts/index.ts";
import { ALL, command, registered, ResultsFolder, specs, Story, story } from "./results-acceptance.ts";

const folder = new ResultsFolder();

describe("lists", () => {
  test("tell the story", async () => {
    const one = await folder.of(story());
    expect(await one.run("r1")).toMatchObject({
      state: "failed",
      counts: { total: 7, completed: 4, failed: 2, error: 0, skipped: 1, waiting: 0, running: 0, cancelled: 0 },
    });
    expect(await one.run("r2")).toBeNull();
    const tasks = await one.tasks({ ...ALL, run_id: "r1" });
    expect(tasks.items.map(({ task_id, status, attempts }) => [task_id, status, attempts])).toEqual([
      ["a", "completed", 2],
      ["b", "failed", 1],
      ["c", "skipped", 0],
      ["d", "completed", 1],
      ["m-cpu", "completed", 1],
      ["m-wasm", "failed", 1],
      ["s", "completed", 1],
    ]);
    expect(
      (await one.attempts({ ...ALL, task_id: "a" })).items.map(({ attempt, status }) => [attempt, status]),
    ).toEqual([
      [1, "lost"],
      [2, "succeeded"],
    ]);
    expect((await one.workers(ALL)).items).toMatchObject([
      { name: "first", status: "ready", tags: { site: "north" }, hardware_metrics: { cpu_percent: 5 } },
    ]);
    expect((await one.results({ ...ALL, model: "tiny-bert", hardware: "cpu" })).items).toMatchObject([
      { task_id: "m-cpu", provenance: { proven: true } },
    ]);
    expect((await one.artifacts({ ...ALL, task_id: "a" })).items).toMatchObject([
      { name: "stdout.log", size_bytes: 3 },
    ]);
    expect((await one.tasks({ ...ALL, status: "failed" })).items[0]?.failure_class).toBe("assertion");
  });

  test("a blocked task is queued once what it depends on has completed", async () => {
    const one = await folder.open();
    const made = new Story();
    made.add(registered);
    made.add(specs(command("a"), command("b", ["a"])));
    const status = async (): Promise<string | undefined> => (await one.task("r1", "b"))?.status;
    one.apply(made.events, 1);
    await one.flush();
    expect(await status()).toBe("blocked");
    made.attempt("a", 1, {});
    one.apply(made.events, 2);
    await one.flush();
    expect(await status()).toBe("queued");
  });

  test("pages give every row once, also while rows are added", async () => {
    const one = await folder.open();
    const made = new Story();
    made.add(specs(...Array.from({ length: 25 }, (_, index) => command(`t${index}`))));
    one.apply(made.events, 1);
    await one.flush();
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await one.tasks({ limit: 10, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map((task) => task.task_id));
      cursor = page.next_cursor ?? undefined;
      if (seen.length === 10) {
        made.add({
          ...(specs(command("late")) as Extract<JournalEvent, { type: "run_submitted" }>),
          runId: asRunId("r2"),
        });
        one.apply(made.events, 2);
        await one.flush();
      }
    } while (cursor !== undefined);
    expect(seen).toEqual([...Array.from({ length: 25 }, (_, index) => `t${index}`), "late"]);
  });

  test("refuse a cursor of another list", async () => {
    const one = await folder.open();
    for (const cursor of ["nonsense", Buffer.from('["runs","1"]').toString("base64url")]) {
      await expect(one.tasks({ limit: 1, cursor })).rejects.toMatchObject({ code: "bad_request" });
    }
  });
});
