import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Site, assay, until, workersReady } from "./support/assay-process.ts";

/**
 * Counts to 6 and keeps how far it is in its checkpoint. The first attempt waits at 3, so that the test decides when it dies; every
 * attempt writes the steps that it did to a file outside.
 */
function countingTask(site: Site): object {
  const command = `cd "$ASSAY_CHECKPOINT_DIR"
    step=$(cat step 2>/dev/null || echo 0)
    while [ $step -lt 6 ]; do
      step=$((step + 1)); echo "$ASSAY_ATTEMPT:$step" >> "${site.path("steps")}"
      echo $step > step.tmp; mv step.tmp step
      if [ $step = 3 ] && [ $ASSAY_ATTEMPT = 1 ]; then sleep 1000; fi
    done
    echo "counted to $step"`;
  return { task_id: "count", type: "command", config: { command }, retry_policy: { retry_delay_seconds: 0 } };
}

/** All files below a folder. */
async function filesBelow(folder: string): Promise<{ name: string; content: Buffer }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(
    files.map(async ({ name, parentPath }) => ({ name, content: await readFile(join(parentPath, name)) })),
  );
}

/** The checkpoint of step 3 has been stored, and the journal names it: from now on nothing of it can be lost. */
async function thirdStepIsSafe(site: Site): Promise<boolean> {
  const blobs = await filesBelow(site.path("data/blobs"));
  const blob = blobs.find(({ content }) => content.includes("step") && content.includes("3\n\0"));
  if (blob === undefined) return false;
  const journal = await filesBelow(site.path("data/journal"));
  return journal.some(({ content }) => content.includes(`assay-checkpoint ${blob.name}`));
}

test("a worker is killed in the middle: another goes on from the checkpoint, not from the start", async () => {
  await using site = await Site.open();
  const link = await site.coordinator(0, "--worker-timeout", "3", "--heartbeat-interval", "1");
  const doomed = site.worker("doomed", link);
  await workersReady(link.client, 1);
  const path = site.path("suite.json");
  await writeFile(path, JSON.stringify({ name: "checkpoints", tasks: [countingTask(site)] }));
  const run = site.start(["run", path, ...link.flags, "--json"]);
  await until("the third step", async () => (await site.fileExists("steps")).includes("1:3"));
  await until("the checkpoint of it in the journal", () => thirdStepIsSafe(site));
  await doomed.stop("SIGKILL");
  site.worker("survivor", link);
  const { code, stdout, stderr } = await run.ended;
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({ run: { state: "completed" } });
  expect((await readFile(site.path("steps"), "utf8")).trim().split("\n")).toEqual([
    "1:1",
    "1:2",
    "1:3",
    "2:4",
    "2:5",
    "2:6",
  ]);
});

test("the example of the guide runs: the second attempt begins where the first died", async () => {
  await using site = await Site.open();
  const link = await site.coordinator();
  site.worker("only", link);
  await workersReady(link.client, 1);
  const flags = [...link.flags, "--json"];
  const run = await assay("run", "examples/limits-and-checkpoints.yaml", ...flags);
  expect({ code: run.code, output: run.code === 0 ? "" : run.stdout + run.stderr }).toEqual({ code: 0, output: "" });
  const attempts = await assay(
    "sql",
    ...flags,
    "select attempt, status, failure_class, partial, results->'checkpoint'->>'problem', isolation->>'level' is not null from results where task_id = 'goes-on' order by attempt",
  );
  expect(JSON.parse(attempts.stdout).rows).toEqual([
    [1, "failed", "crash", true, null, true],
    [2, "completed", null, false, null, true],
  ]);
});
