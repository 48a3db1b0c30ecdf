import { spawnSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createClient } from "../src/client/index.ts";
import { Site, eventually } from "./support/assay-process.ts";

/** A small file system of its own, so that it can be filled; null where mounting is not allowed. */
async function mountSmall(folder: string): Promise<(() => void) | null> {
  await mkdir(folder);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", folder]).status !== 0) return null;
  return () => void spawnSync("umount", ["-l", folder]);
}

test("a full disk refuses new work with a reason, loses nothing, and is over when there is room again", async (context) => {
  await using site = await Site.open();
  const unmount = await mountSmall(site.path("data"));
  if (!unmount) return context.skip("needs the right to mount a small file system");
  try {
    const { url, token } = await site.coordinator();
    const client = createClient({ baseUrl: url, token });
    const submit = (name: string): Promise<unknown> =>
      client.submitRun({
        name,
        wait_for_capacity: true,
        tasks: [{ task_id: "a", type: "command", config: { command: `: ${"x".repeat(100_000)}` } }],
      });
    await submit("before");
    spawnSync("dd", ["if=/dev/zero", `of=${site.path("data/filler")}`, "bs=1M"]);
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
    await rm(site.path("data/filler"));
    await eventually("the coordinator taking work again", async () => {
      await submit("after");
      return true;
    });
    const names: string[] = [];
    for await (const run of client.runs()) names.push(run.name);
    expect(names.toSorted()).toEqual([...accepted, "after"].toSorted());
    await writeFile(site.path("data/probe"), "");
  } finally {
    unmount();
  }
});
