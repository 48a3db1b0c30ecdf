import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Client } from "../src/client/index.ts";
import type { PatternView } from "../src/contracts/index.ts";
import { Site, assay, eventually } from "./support/assay-process.ts";

/** Dies of a segmentation fault where the worker's environment says so: one worker of the two. */
const SEGFAULT = `if [ "$LC_SITE" = broken ]; then kill -SEGV $$; fi; sleep 0.02`;

let site: Site;
let flags: readonly string[];
let client: Client;
const ids = { good: "", bad: "" };

beforeAll(async () => {
  site = await Site.open();
  ({ client, flags } = await site.coordinator());
  for (const [name, env] of [
    ["good", {}],
    ["bad", { LC_SITE: "broken" }],
  ] as const) {
    site.start(["worker", ...flags, "--name", name, "--data-dir", site.path(name), "--slots", "1"], env);
    ids[name] = await eventually(`worker ${name}`, async () => {
      for await (const { worker_id, status } of client.workers({ name })) if (status === "ready") return worker_id;
      return undefined;
    });
  }
});
afterAll(() => site[Symbol.asyncDispose]());

/** Runs so many tasks to their end; gives how many attempts each worker made of them, and what became of the run. */
async function run(name: string, count: number): Promise<{ state: string; good: number; bad: number }> {
  const path = site.path(`${name}.json`);
  const tasks = Array.from({ length: count }, (_, index) => ({
    task_id: `t${index}`,
    type: "command",
    config: { command: SEGFAULT },
    retry_policy: { max_retries: 50, retry_delay_seconds: 0 },
  }));
  await writeFile(path, JSON.stringify({ name, tasks }));
  const { stdout, stderr } = await assay("run", path, "--json", ...flags);
  const { run: ended } = JSON.parse(stdout || `{"run":{"state":${JSON.stringify(stderr)}}}`) as {
    run: { run_id: string; state: string };
  };
  const made = { state: ended.state, good: 0, bad: 0 };
  for await (const { worker_id, status } of client.attempts({ run_id: ended.run_id })) {
    if (status === "preempted") continue;
    made[worker_id === ids.bad ? "bad" : "good"] += 1;
  }
  return made;
}

const found = (state: PatternView["state"]): Promise<PatternView> =>
  eventually(`a pattern that is ${state}`, async () => (await client.patterns()).find((one) => one.state === state));

test("what fails on one worker is found, goes elsewhere, and comes back when a person says so", async () => {
  const before = await run("before", 40);
  expect(before.bad).toBeGreaterThan(8);
  const pattern = await found("avoided");
  expect(pattern).toMatchObject({
    failure: "crash",
    factors: { worker: ids.bad },
    failures_elsewhere: 0,
    by: "scheduler",
  });
  expect(pattern.failures).toBe(pattern.attempts);
  expect(pattern.q).toBeLessThan(0.01);
  for await (const event of client.events({ after: 0, type: "pattern_found" })) {
    expect(event.message).toContain("attempts failed (crash) with worker");
    break;
  }

  expect(await run("avoiding", 20)).toEqual({ state: "completed", good: 20, bad: 0 });

  const table = await assay("patterns", ...flags);
  expect(table.stdout).toMatch(new RegExp(`${pattern.pattern_id} +avoided +crash +\\d+/\\d+ +0/\\d+ .*worker bad`));
  const allowed = await assay("patterns", "allow", pattern.pattern_id, "--reason", "reseated", "--json", ...flags);
  expect(JSON.parse(allowed.stdout)).toMatchObject({ patterns: [{ state: "allowed", reason: "reseated" }] });
  // So many failures in a row put it in quarantine too.
  await client.releaseWorker(ids.bad, "reseated");
  expect((await run("allowed", 20)).bad).toBeGreaterThan(0);

  await assay("patterns", "avoid", pattern.pattern_id, ...flags);
  expect(await run("again", 10)).toEqual({ state: "completed", good: 10, bad: 0 });
  expect(await client.stateHash()).toMatchObject({ equal: true });
});
