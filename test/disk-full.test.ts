import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { Site, all, eventually } from "./support/assay-process.ts";
import { SmallDisk } from "./support/small-disk.ts";

test("a full disk refuses new work with a reason, loses nothing, and is over when there is room again", async (context) => {
  await using site = await Site.open();
  using disk = await SmallDisk.mount(site.path("data"), "24m");
  if (disk.problem !== null) return context.skip(disk.problem);
  const { client } = await site.coordinator();
  const submit = (name: string): Promise<unknown> =>
    client.submitRun({
      name,
      wait_for_capacity: true,
      tasks: [{ task_id: "a", type: "command", config: { command: `: ${"x".repeat(100_000)}` } }],
    });
  await submit("before");
  disk.fill();
  const accepted: string[] = ["before"];
  const refusal = await eventually("a refusal", async () => {
    const name = `run-${accepted.length}`;
    try {
      await submit(name);
      accepted.push(name);
      return undefined;
    } catch (error) {
      return error;
    }
  });
  expect(refusal).toMatchObject({
    code: expect.stringMatching(/^(disk_full|not_leader|journal_unavailable)$/),
    next: expect.any(String),
  });
  await disk.makeRoom();
  await eventually("the coordinator taking work again", async () => {
    await submit("after");
    return true;
  });
  const names = (await all(client.runs())).map(({ name }) => name);
  expect(names.toSorted()).toEqual([...accepted, "after"].toSorted());
  await writeFile(site.path("data/probe"), "");
});
