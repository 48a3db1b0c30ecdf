import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Client } from "../src/client/index.ts";
import type { Explanation, ShareView, TaskView } from "../src/contracts/index.ts";
import { Site, assay, eventually, until, workersReady } from "./support/assay-process.ts";
import type { RunningCoordinator } from "./support/assay-process.ts";

const POOLS = ["--slots", "1", "--pool", "default", "--pool", "solo"];

let site: Site;
let it: RunningCoordinator;
let client: Client;
beforeAll(async () => {
  site = await Site.open();
  it = await site.coordinator();
  ({ client } = it);
  site.worker("w1", it, ...POOLS);
  await workersReady(client, 1);
});
afterAll(() => site[Symbol.asyncDispose]());

/** All tests but the first want a second worker, which the first one starts when the time has come. */
let second: Promise<void> | undefined;
const secondWorker = (): Promise<void> => {
  if (second === undefined) site.worker("w2", it, ...POOLS);
  return (second ??= workersReady(client, 2));
};

const command = (task_id: string, line: string, more: object = {}): object => ({
  task_id,
  type: "command",
  config: { command: line },
  ...more,
});

interface RunDocument {
  run: { run_id: string; state: string };
  tasks: TaskView[];
  exit_code: number;
}

/** Starts `assay run` of a suite. */
async function run(
  name: string,
  tasks: object[],
  ...more: string[]
): Promise<{ ended: Promise<RunDocument>; stderr: () => string }> {
  const path = site.path(`${name}.json`);
  await writeFile(path, JSON.stringify({ name, tasks }));
  const process = site.start(["run", path, "--json", ...it.flags, ...more]);
  const ended = process.ended.then(({ stdout, stderr }) => {
    if (stdout === "") throw new Error(stderr);
    return JSON.parse(stdout) as RunDocument;
  });
  // When a test has failed already, nobody waits for it.
  ended.catch(() => undefined);
  return { ended, stderr: () => process.stderr };
}

async function runIdOf(name: string): Promise<string> {
  return eventually(`the run ${name}`, async () => {
    for await (const { run_id } of client.runs({ name })) return run_id;
    return undefined;
  });
}

test("an urgent command preempts one of low priority, whose next attempt, elsewhere, goes on from what it saved", async () => {
  const slow = [
    `cat "$ASSAY_PROGRESS_FILE"`,
    `[ -s "$ASSAY_PROGRESS_FILE" ] && exit 0`,
    `trap 'printf "step 7" > "$ASSAY_PROGRESS_FILE"; ${site.waitFor("go")}; exit 0' TERM`,
    `touch "${site.path("slow-runs")}"`,
    `while [ -d "${site.folder}" ]; do sleep 0.02; done`,
  ].join("\n");
  const low = await run("low", [command("slow", slow, { priority: 10 })], "--pool", "solo");
  await site.fileExists("slow-runs");
  const urgent = await run("urgent", [command("now", site.waitFor("end"), { priority: 90 })], "--pool", "solo");
  const urgentId = await runIdOf("urgent");

  // While the command saves its state, the urgent one waits for it.
  const explain = async (...more: string[]): Promise<string> =>
    (await assay("explain", urgentId, "now", ...it.flags, ...more)).stdout;
  const explanation = await eventually("the preemption", async () => {
    const found = JSON.parse(await explain("--json")) as Explanation;
    // Between the two the preemption is decided.
    return found.would_preempt === null || found.claimed.length === 0 ? undefined : found;
  });
  expect(explanation).toMatchObject({
    state: "queued",
    would_preempt: { run_id: await runIdOf("low"), task_id: "slow", priority: 10 },
    claimed: [expect.any(String)],
  });
  const lines = await explain();
  expect(lines).toContain("queued now: Kept free for it: w1; waits until what runs there ends.");
  expect(lines).toMatch(/would preempt +slow of run \S+, priority 10, on w1\n/);

  await writeFile(site.path("go"), "");
  await until("the urgent task running", async () => (await client.task(urgentId, "now")).status === "running");
  await secondWorker();
  expect(await low.ended).toMatchObject({ run: { state: "completed" }, exit_code: 0 });
  expect(low.stderr()).toMatch(
    /preempted slow on w1, [\d.]+ s: makes room for task now of priority 90\n.*completed slow on w2/s,
  );
  await writeFile(site.path("end"), "");
  expect(await urgent.ended).toMatchObject({ run: { state: "completed" } });

  const lowId = await runIdOf("low");
  const log = await assay("logs", lowId, "slow", ...it.flags);
  expect(log.stdout).toBe("step 7");
  const { rows } = await client.sql(
    `select attempt, h.status, w.name from task_execution_history h join worker_nodes w using (worker_id) where run_id = '${lowId}' and h.start_time is not null order by attempt`,
  );
  // One that only changed its place before it began is an attempt too.
  expect(rows.map((row) => row.slice(1))).toEqual([
    ["preempted", "w1"],
    ["succeeded", "w2"],
  ]);
});

test("a group starts on two workers at the same time, and each member knows the other", async () => {
  await secondWorker();
  // Neither ends before the other has begun.
  const member = (own: string, other: string): object =>
    command(own, `echo "$ASSAY_PEERS" > "${site.path(own)}"; ${site.waitFor(other)}`, { group: "pair" });
  const { ended } = await run("pair", [member("left", "right"), member("right", "left")]);
  expect(await ended).toMatchObject({ run: { state: "completed" } });
  const [left, right] = await Promise.all([site.fileExists("left"), site.fileExists("right")]);
  expect(left).toBe(right);
  const peers = JSON.parse(left) as { task_id: string; worker_id: string; hostname: string }[];
  expect(peers.map(({ task_id }) => task_id)).toEqual(["left", "right"]);
  expect(new Set(peers.map(({ worker_id }) => worker_id)).size).toBe(2);
  expect(new Set(peers.map(({ hostname }) => hostname)).size).toBe(1);
});

test("while an exclusive task runs, neither worker of the machine runs anything else", async () => {
  await secondWorker();
  const book = site.path("book");
  const busy = (id: string, more: object = {}): object =>
    command(id, `echo "start ${id}" >> "${book}"; sleep 0.2; echo "end ${id}" >> "${book}"`, more);
  const others = Array.from({ length: 8 }, (_, index) => busy(`other-${index}`));
  const alone = busy("alone", { resources: { exclusive: true }, priority: 60, depends_on: ["other-0"] });
  const { ended } = await run("exclusive", [...others, alone]);
  expect(await ended).toMatchObject({ run: { state: "completed" } });
  const entries = (await readFile(book, "utf8")).trim().split("\n");
  const at = entries.indexOf("start alone");
  expect(entries[at + 1]).toBe("end alone");
  const before = entries.slice(0, at);
  expect(before.filter((entry) => entry.startsWith("end")).length * 2).toBe(before.length);
  expect(entries.slice(at + 2).length).toBeGreaterThan(0);
});

test("a failed task starts its clean-up and skips what needs its success", async () => {
  await secondWorker();
  const { ended } = await run("conditions", [
    command("build", "exit 1"),
    command("clean-up", `touch "${site.path("cleaned")}"`, { depends_on: [{ task: "build", condition: "failure" }] }),
    command("publish", "true", { depends_on: ["build"] }),
    command("report", "true", { depends_on: [{ task: "publish", condition: "always" }] }),
  ]);
  const { tasks, exit_code } = await ended;
  expect(Object.fromEntries(tasks.map(({ task_id, status }) => [task_id, status]))).toEqual({
    build: "failed",
    "clean-up": "completed",
    publish: "skipped",
    report: "completed",
  });
  expect(exit_code).toBe(1);
  await site.fileExists("cleaned");
});

test("a clean-up that is not needed is skipped, and the run is as good as without it", async () => {
  await secondWorker();
  const { ended } = await run("all-well", [
    command("build", "true"),
    command("roll-back", "true", { depends_on: [{ task: "build", condition: "failure" }] }),
  ]);
  const counts = { completed: 1, skipped: 1 };
  expect(await ended).toMatchObject({ run: { state: "completed", counts }, exit_code: 0 });
});

test("shares are shown and changed, and a quota is kept and told of", async () => {
  await secondWorker();
  const set = await assay("shares", "pool", "solo", "--weight", "2.5", "--max-running", "1", "--json", ...it.flags);
  const share: ShareView = { kind: "pool", name: "solo", weight: 2.5, max_running: 1, running: 0, waiting: 0 };
  expect(JSON.parse(set.stdout)).toEqual({ shares: [share] });
  const tasks = ["a", "b"].map((id) =>
    command(id, `echo > "${site.path(`quota-${id}`)}"; ${site.waitFor("quota-end")}`),
  );
  const { ended } = await run("quota", tasks, "--pool", "solo");
  await site.fileExists("quota-a");
  const runId = await runIdOf("quota");
  expect((await client.explain(runId, "b")).summary).toBe("solo holds 1 leases, the most that its share allows.");
  const { stdout } = await assay("shares", "pool", "solo", ...it.flags);
  expect(stdout.split("\n").map((line) => line.split(/ +/))).toEqual([
    ["KIND", "NAME", "WEIGHT", "QUOTA", "RUNNING", "WAITING"],
    ["pool", "solo", "2.5", "1", "1", "1"],
    [""],
  ]);
  // What is not named stays as it is.
  const freed = await assay("shares", "pool", "solo", "--max-running", "none", "--json", ...it.flags);
  expect(JSON.parse(freed.stdout)).toMatchObject({ shares: [{ weight: 2.5, max_running: null }] });
  await site.fileExists("quota-b");
  await writeFile(site.path("quota-end"), "");
  expect(await ended).toMatchObject({ run: { state: "completed" } });
  expect(await client.stateHash()).toMatchObject({ equal: true });
});
