import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { asRunId, asTaskId, asWorkerId, errorCode } from "../base/index.ts";
import { capabilityDocument, resultDocument, taskSpec } from "../contracts/index.ts";
import type { JournalEvent, PlacedEvent, ResultDocumentInput, TaskSpecInput } from "../contracts/index.ts";
import { loadDuckDb } from "./duckdb.ts";
import { matrixHistoryQuery, matrixRecords } from "./matrix-history.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { openResults, openResultsReadOnly } from "./open-results.ts";
import type { Results } from "./open-results.ts";

const worker = asWorkerId("w1");
const ALL = { limit: 1_000 };

function specs(...tasks: TaskSpecInput[]): JournalEvent {
  return {
    type: "run_submitted",
    runId: asRunId("r1"),
    name: "run",
    submittedBy: "me",
    idempotencyKey: null,
    digest: "d",
    waitForCapacity: false,
    pool: "default",
    tasks: tasks.map((task) => taskSpec.parse(task)),
  };
}

const command = (task_id: string, depends_on: string[] = []): TaskSpecInput => ({
  task_id,
  type: "command",
  config: { command: "true" },
  depends_on,
});

const registered: JournalEvent = {
  type: "worker_registered",
  workerId: worker,
  name: "first",
  incarnation: "1",
  sessionId: "s",
  slots: 1,
  credits: 2,
  capabilities: capabilityDocument.parse({
    hostname: "h",
    os: { platform: "linux", release: "6", arch: "x64" },
    cpu: { model: "c", cores: 1, threads: 1 },
    memory_gb: 1,
    disk_free_gb: 1,
    hardware: ["cpu"],
    task_types: ["command"],
    labels: { site: "north" },
  }),
};

/** A journal being written by hand. */
class Story {
  readonly events: PlacedEvent[] = [];

  add(event: JournalEvent): number {
    const seq = this.events.length + 1;
    this.events.push({ seq, atMs: 1_700_000_000_000 + seq * 1_000, event });
    return seq;
  }

  attempt(task: string, attempt: number, result: Partial<ResultDocumentInput> | null): void {
    const ref = { runId: asRunId("r1"), taskId: asTaskId(task), attempt };
    const leaseSeq = this.add({ type: "attempt_leased", ...ref, workerId: worker, hardware: "cpu" });
    this.add({ type: "attempt_started", ...ref, startedAtMs: 1_700_000_000_000 });
    const end = {
      type: "attempt_finished" as const,
      ...ref,
      leaseSeq,
      workerId: worker,
      startedAtMs: 1_700_000_000_000,
      finishedAtMs: 1_700_000_002_000,
    };
    if (result === null) {
      const failure = { class: "worker_lost" as const, message: "gone" };
      this.add({
        ...end,
        outcome: "lost",
        result: null,
        digest: null,
        failure,
        after: { state: "queued", notBeforeMs: 0 },
      });
      return;
    }
    const document = resultDocument.parse({
      task_id: task,
      worker_id: worker,
      status: "completed",
      execution_time_seconds: 2,
      ...result,
    });
    const failure = document.failure ?? null;
    const outcome = document.status === "completed" ? ("succeeded" as const) : ("failed" as const);
    this.add({
      ...end,
      outcome,
      result: document,
      digest: "d",
      failure,
      after: { state: failure ? "failed" : "completed" },
    });
  }
}

/** A run with a retry, a failure, a skipped task and a model measured on two platforms. */
function story(): Story {
  const made = new Story();
  made.add({ type: "epoch_opened", epoch: 1, holder: "h", graceMs: 1 });
  made.add(registered);
  made.add(
    specs(
      command("a"),
      command("b", ["a"]),
      command("c", ["b"]),
      command("d"),
      model("m-cpu", "cpu"),
      model("m-wasm", "wasm"),
    ),
  );
  made.attempt("a", 1, null);
  made.attempt("a", 2, {
    artifacts: [{ name: "stdout.log", sha256: "a".repeat(64), size_bytes: 3, content_type: "text/plain" }],
  });
  made.attempt("b", 1, { status: "failed", failure: { class: "assertion", message: "it said no\0\ud800" } });
  made.add({ type: "task_skipped", runId: asRunId("r1"), taskId: asTaskId("c"), because: asTaskId("b") });
  made.attempt("m-cpu", 1, measured("cpu"));
  made.attempt("m-wasm", 1, {
    status: "failed",
    hardware: "wasm",
    failure: { class: "assertion", reason: "wrong_numbers", message: "off by 1" },
  });
  made.add({ type: "worker_reported", workerId: worker, load: { cpu_percent: 5, memory_used_gb: 1, running: 0 } });
  made.attempt("d", 1, {});
  made.add({ type: "run_finished", runId: asRunId("r1"), state: "failed" });
  return made;
}

function model(task_id: string, hardware: "cpu" | "wasm"): TaskSpecInput {
  return {
    task_id,
    type: "benchmark",
    requirements: { hardware: [hardware] },
    config: { model: "tiny-bert", batch_sizes: [1, 4] },
  };
}

function measured(hardware: "cpu"): Partial<ResultDocumentInput> {
  const metric = (
    name: string,
    value: number,
    batch_size: number,
  ): NonNullable<ResultDocumentInput["metrics"]>[number] => ({ name, value, unit: "ms", batch_size });
  return {
    hardware,
    results: { batch_sizes: { "1": { latency_ms: 1 } } },
    provenance: {
      kind: "real",
      proven: true,
      observed_backend: "cpu",
      evidence: [{ check: "output", passed: true, detail: "max error 1e-7" }],
    },
    metrics: [
      metric("latency_ms_p50", 1, 1),
      metric("latency_ms_p50", 3, 4),
      metric("latency_ms_p95", 2, 1),
      metric("throughput_items_per_second", 900, 1),
    ],
  };
}

let folder: string;
let path: string;
const open: { close(): Promise<void> }[] = [];

async function results(file = path): Promise<Results> {
  const opened = await openResults({ path: file });
  open.push(opened);
  return opened;
}

async function close(one: Results): Promise<void> {
  open.splice(open.indexOf(one), 1);
  await one.close();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-results-"));
  path = join(folder, "results.duckdb");
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await rm(folder, { recursive: true });
});

const TABLES = [
  "worker_nodes",
  "runs",
  "distributed_tasks",
  "task_execution_history",
  "results",
  "metrics",
  "artifacts",
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
    const whole = await results(join(folder, "whole.duckdb"));
    whole.apply(events, 1);
    await whole.flush();
    const expected = await contents(whole);
    for (const every of [1, 3, 7]) {
      const file = join(folder, `${every}.duckdb`);
      let one = await results(file);
      for (let start = 0; start < events.length; start += every) {
        one.apply(events.slice(start, start + every), 1);
        await one.flush();
        if (start % 2 === 0) {
          await close(one);
          one = await results(file);
        }
      }
      expect(await contents(one)).toBe(expected);
    }
  });

  test("events that were written already are left out, a gap is refused", async () => {
    const { events } = story();
    const one = await results();
    one.apply(events.slice(0, 8), 1);
    await one.flush();
    one.apply(events.slice(0, 10), 2);
    await one.flush();
    expect(one.applied()).toEqual({ eventSeq: 10, batchSeq: 2 });
    expect(() => one.apply(events.slice(11), 3)).toThrow("event 12 follows event 10");
  });

  test("what was not flushed is not there, and results made anew are the same", async () => {
    const { events } = story();
    const one = await results();
    one.apply(events, 1);
    await one.flush();
    const expected = await contents(one);
    const other = await results(join(folder, "other.duckdb"));
    other.apply(events, 1);
    expect((await other.sql("select count(*) from results", 1)).rows).toEqual([["0"]]);
    await other.flush();
    expect(await contents(other)).toBe(expected);
  });
});

describe("lists", () => {
  test("tell the story", async () => {
    const one = await results();
    one.apply(story().events, 1);
    await one.flush();
    expect(await one.run("r1")).toMatchObject({
      state: "failed",
      counts: { total: 6, completed: 3, failed: 2, error: 0, skipped: 1, waiting: 0, running: 0, cancelled: 0 },
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
    const one = await results();
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
    const one = await results();
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
    const one = await results();
    for (const cursor of ["nonsense", Buffer.from('["runs","1"]').toString("base64url")]) {
      await expect(one.tasks({ limit: 1, cursor })).rejects.toMatchObject({ code: "bad_request" });
    }
  });

  test("the matrix has a row for each batch size, and one for what failed", async () => {
    const one = await results();
    one.apply(story().events, 1);
    await one.flush();
    const { rows } = await one.sql(
      "select model, hardware, batch_size, status, p50_ms, throughput_items_per_second, provenance_proven, failure_reason from matrix",
      100,
    );
    expect(rows).toEqual([
      ["tiny-bert", "cpu", 1, "completed", 1, 900, true, null],
      ["tiny-bert", "cpu", 4, "completed", 3, null, true, null],
      ["tiny-bert", "wasm", null, "failed", null, null, null, "wrong_numbers"],
    ]);
  });
});

describe("backends", () => {
  const asked = (task_id: string, backend?: string): TaskSpecInput => ({
    ...model(task_id, "cpu"),
    requirements: { hardware: ["cpu"], ...(backend === undefined ? {} : { backend }) },
  });
  const told = (sha256: string, version: string): NonNullable<ResultDocumentInput["results"]> => ({
    model: { sha256 },
    runtime: { device: "SwiftShader", version },
  });
  const proof: NonNullable<ResultDocumentInput["provenance"]> = {
    kind: "real",
    proven: true,
    observed_backend: "CPUExecutionProvider",
  };

  /** A task that asks for a backend, one whose worker chose it, one that failed before it could say so. */
  async function measuredOnBackends(): Promise<Results> {
    const made = new Story();
    const runtime = { runtime: "onnxruntime-node", hardware: "cpu" as const, detail: "tried", version: "1.31.0" };
    const runtimes = [
      { ...runtime, backend: "ort-node/cpu", available: true },
      { ...runtime, backend: "ort-node/webgpu", available: false },
    ];
    if (registered.type !== "worker_registered") throw new Error("not a worker");
    made.add({ ...registered, capabilities: { ...registered.capabilities, runtimes } });
    made.add(
      specs(
        asked("asked", "ort-node/cpu"),
        asked("chosen"),
        asked("early", "ort-node/cpu"),
        asked("webgpu", "ort-node/webgpu"),
      ),
    );
    made.attempt("asked", 1, { ...measured("cpu"), results: told("a", "1.30.0"), provenance: proof });
    made.attempt("webgpu", 1, { ...measured("cpu"), results: told("a", "1.30.0"), provenance: proof });
    made.attempt("chosen", 1, {
      results: told("b", "1.31.0"),
      provenance: { ...proof, requested_backend: "ort-node/cpu" },
      metrics: [{ name: "latency_ms_p50", value: 2, unit: "ms", batch_size: 1 }],
    });
    made.attempt("early", 1, null);
    made.attempt("early", 2, { status: "failed", failure: { class: "crash", message: "gone" } });
    const one = await results();
    one.apply(made.events, 1);
    await one.flush();
    return one;
  }

  test("a result carries the backend that was asked for, what was observed, and the device", async () => {
    const one = await measuredOnBackends();
    const { items } = await one.results({ ...ALL, backend: "ort-node/cpu" });
    expect(items.map((item) => [item.task_id, item.precision, item.observed_backend, item.device])).toEqual([
      ["asked", "fp32", "CPUExecutionProvider", "SwiftShader"],
      ["chosen", "fp32", "CPUExecutionProvider", "SwiftShader"],
      ["early", "fp32", null, null],
    ]);
    const { rows } = await one.sql(
      "select backend, count(*)::int, median(value) from results_wide where metric = 'latency_ms_p50' and batch_size = 1 group by backend order by backend",
      10,
    );
    expect(rows).toEqual([
      ["ort-node/cpu", 2, 1.5],
      ["ort-node/webgpu", 1, 1],
    ]);
  });

  test("the history of a cell has the newest first, with what is there now", async () => {
    const one = await measuredOnBackends();
    const records = matrixRecords(await one.sql(matrixHistoryQuery(), 10));
    expect(records.map(({ task_id, backend, age }) => [task_id, backend, age])).toEqual([
      // The third is older than the one before it, which is all that is asked for.
      ["early", "ort-node/cpu", 1],
      ["chosen", "ort-node/cpu", 2],
      ["webgpu", "ort-node/webgpu", 1],
    ]);
    expect(records[0]).toMatchObject({ failure: { class: "crash" }, batches: [], model_sha256: null, recovery: [] });
    // What was not measured is not 0.
    const figures = {
      batch_size: 1,
      p50_ms: 2,
      p95_ms: null,
      items_per_second: null,
      memory_mb: null,
      n: null,
      spread: null,
    };
    expect(records[1]).toMatchObject({ batches: [figures], runtime_version: "1.31.0", runtime_version_now: "1.31.0" });
    expect(records[2]).toMatchObject({ model_sha256: "a", model_sha256_now: "b", runtime_version_now: null });
    const ofRun = matrixRecords(await one.sql(matrixHistoryQuery({ runId: "r1" }), 10));
    expect(ofRun.map(({ task_id }) => task_id)).toEqual(["early", "chosen", "asked", "webgpu"]);
    expect(ofRun[2]).toMatchObject({ age: 3, runtime_version: "1.30.0", runtime_version_now: "1.31.0" });
  });
});

test("recovery steps are rows, and what a fallback cost is told against the platform that was wanted", async () => {
  const made = new Story();
  made.add(registered);
  const half = model("half", "cpu");
  made.add(
    specs(model("wanted", "cpu"), { ...half, config: { ...half.config, precision: "fp16" } } as TaskSpecInput, {
      ...model("fell", "cpu"),
      requirements: { hardware: ["cpu", "wasm"] },
    }),
  );
  const ran = (requested_backend: string) => ({ kind: "real", proven: true, requested_backend }) as const;
  made.attempt("wanted", 1, { ...measured("cpu"), provenance: ran("ort-node/cpu") });
  // Newer, and no measure for what ran in another precision.
  made.attempt("half", 1, {
    ...{ hardware: "cpu", provenance: ran("ort-node/cpu") },
    metrics: [{ name: "latency_ms_p50", value: 1, unit: "ms", batch_size: 4 }],
  });
  made.attempt("fell", 1, {
    ...{ hardware: "wasm", provenance: ran("ort-web/wasm") },
    recovery: [
      { strategy: "fallback_hardware", class: "setup", message: "no worker with cpu took it", succeeded: true },
      { strategy: "halve_batch", class: "out_of_memory", reason: "out_of_memory", message: "8", succeeded: false },
    ],
    metrics: [{ name: "latency_ms_p50", value: 6, unit: "ms", batch_size: 4 }],
  });
  const one = await results();
  one.apply(made.events, 1);
  await one.flush();
  const recoveries = await one.sql("select task_id, strategy, reason, succeeded from recoveries order by strategy", 10);
  expect(recoveries.rows).toEqual([
    ["fell", "fallback_hardware", null, true],
    ["fell", "halve_batch", "out_of_memory", false],
  ]);
  const impact = await one.sql(
    "select task_id, wanted_hardware, hardware, batch_size, p50_ms, wanted_p50_ms, times_slower from fallback_impact",
    10,
  );
  expect(impact.rows).toEqual([["fell", "cpu", "wasm", 4, 6, 3, 2]]);
  const compared = await one.sql("select precision, wanted_backend, backend from fallback_impact", 10);
  expect(compared.rows).toEqual([["fp32", "ort-node/cpu", "ort-web/wasm"]]);
  expect((await one.results({ limit: 10, task_id: "fell" })).items[0]?.recovery).toHaveLength(2);
  expect((await one.results({ limit: 10, task_id: "wanted" })).items[0]?.recovery).toEqual([]);
  expect((await one.sql("select recovery from results_wide where task_id = 'wanted'", 1)).rows).toEqual([["[]"]]);
});

describe("users' SQL", () => {
  test.each([
    "insert into runs select * from runs",
    "copy runs to 'x.csv'",
    "attach 'x.duckdb'",
    "select * from read_csv('/etc/passwd')",
    "set enable_external_access = true",
    "select 1; select 2",
    "selec 1",
    "drop table runs",
    "explain analyze delete from runs",
    "explain analyze update projection set applied_event_seq = 999",
    "select * from enable_logging(storage = 'file', storage_path = '/tmp/assay-log')",
    "select nextval('x')",
  ])("refuses %s", async (sql) => {
    const one = await results();
    await expect(one.sql(sql, 10)).rejects.toMatchObject({ code: "bad_query" });
  });

  test("caps the rows and says so", async () => {
    const one = await results();
    expect(await one.sql("select range as n from range(5)", 3)).toEqual({
      columns: ["n"],
      rows: [["0"], ["1"], ["2"]],
      truncated: true,
    });
  });

  test("works on the file alone; while a coordinator has it, says who", async () => {
    const one = await results();
    one.apply(story().events, 1);
    await close(one);
    const reader = await openResultsReadOnly({ path });
    expect((await reader.sql("select count(*) from results", 1)).rows).toEqual([["5"]]);
    await reader.close();
    await expect(openResultsReadOnly({ path: join(folder, "none.duckdb") })).rejects.toMatchObject({
      code: "not_found",
    });
  });
});

describe("the row of a worker", () => {
  test("tells why it gets no work, also to whoever opens the database anew; health checks are nobody's rows", async () => {
    const tale = new Story();
    tale.add(registered);
    tale.add({ type: "worker_flapping", workerId: worker, reconnects: 4, untilMs: 1_700_000_004_500 });
    tale.add({ type: "worker_quarantined", workerId: worker, reason: "10 failed", by: null });
    tale.add({ ...specs(command("check")), checks: worker } as JournalEvent);
    const one = await results();
    one.apply(tale.events, 1);
    await one.flush();
    const { items } = await one.workers(ALL);
    const since = "2023-11-14T22:13:23.000Z";
    const wanted = { status: "quarantined", quarantine: { reason: "10 failed", by: null, since } };
    expect(items).toEqual([expect.objectContaining({ ...wanted, held_until: "2023-11-14T22:13:24.500Z" })]);
    expect((await one.runs(ALL)).items).toEqual([]);
    await close(one);
    tale.add({
      type: "worker_suspected",
      workerId: worker,
      reason: "silent",
      lostAtMs: 1_700_000_009_000,
      connected: true,
    });
    const released: JournalEvent = { type: "worker_released", workerId: worker, reason: "passed", by: null };
    tale.add(released);
    const again = await results();
    again.apply(tale.events, 2);
    await again.flush();
    expect((await again.workers(ALL)).items).toEqual([
      expect.objectContaining({ status: "suspect", quarantine: null }),
    ]);
    tale.add({ type: "worker_resumed", workerId: worker });
    again.apply(tale.events, 3);
    await again.flush();
    expect((await again.workers(ALL)).items).toEqual([expect.objectContaining({ status: "ready" })]);
    await close(again);
  });

  test("forgets what a worker was kept from work for when it leaves: started again, it is as good as new", async () => {
    const tale = new Story();
    tale.add(registered);
    tale.add({ type: "worker_flapping", workerId: worker, reconnects: 4, untilMs: 1_700_000_900_000 });
    tale.add({ type: "worker_draining", workerId: worker, reason: "enough", by: "me" });
    tale.add({ type: "worker_left", workerId: worker, reason: "stopped" });
    tale.add(registered);
    const one = await results();
    one.apply(tale.events, 1);
    await one.flush();
    expect((await one.workers(ALL)).items).toEqual([expect.objectContaining({ status: "ready", held_until: null })]);
    await close(one);
  });
});

describe("a file that is damaged in its middle", () => {
  const HEADER_BYTES = 12_288;
  const BLOCK_BYTES = 262_144;
  const codeOf = (done: Promise<void>): Promise<unknown> =>
    done.then(
      () => "whole",
      (error: unknown) => errorCode(error),
    );

  async function readAll(): Promise<void> {
    const reader = await openResultsReadOnly({ path });
    try {
      for (const table of ["distributed_tasks", "results"]) await reader.sql(`select * from ${table}`, 100);
    } finally {
      await reader.close();
    }
  }

  test("is told as such, whether it is noticed at the start or when a part is read, and closed again", async () => {
    const one = await results();
    one.apply(story().events, 1);
    await close(one);
    const whole = await readFile(path);
    const found = { opened: new Set<unknown>(), read: new Set<unknown>() };
    for (let at = HEADER_BYTES; at < whole.length; at += BLOCK_BYTES) {
      await writeFile(path, Buffer.from(whole).fill(0xa5, at, at + 4_096));
      found.read.add(await codeOf(readAll()));
      found.opened.add(await codeOf(openResults({ path }).then((other) => other.close())));
    }
    // Some blocks are not in use, or hold other tables.
    const broken = new Set(["whole", "results_broken"]);
    expect(found).toEqual({ opened: broken, read: broken });
    await writeFile(path, whole);
    expect((await results()).applied().batchSeq).toBe(1);
  });

  test("is not what a user's own error says", async () => {
    const one = await results();
    await expect(one.sql("select error('corrupt checksum')", 1)).rejects.toMatchObject({ code: "bad_query" });
  });
});

describe("migrations", () => {
  test("are applied once; a newer or edited schema is refused", async () => {
    await close(await results());
    await close(await results());
    const duckdb = await loadDuckDb();
    const instance = await duckdb.DuckDBInstance.create(path);
    const connection = await instance.connect();
    const known = await readMigrations();
    const edited = known.map((one) => ({ ...one, sql: `${one.sql}\n-- edited` }));
    await expect(migrate(connection, edited)).rejects.toMatchObject({ code: "conflict" });
    await connection.run("insert into schema_migrations values (999999, 'x', now()::timestamp)");
    await expect(migrate(connection, known)).rejects.toMatchObject({ code: "schema_newer" });
    connection.closeSync();
    instance.closeSync();
  });

  test("a migration that fails leaves nothing behind", async () => {
    const duckdb = await loadDuckDb();
    const instance = await duckdb.DuckDBInstance.create(path);
    const connection = await instance.connect();
    await expect(
      migrate(connection, [{ version: 1, sql: "create table one (a integer); nonsense" }]),
    ).rejects.toThrow();
    const reader = await connection.runAndReadAll("select table_name from information_schema.tables order by 1");
    expect(reader.getRowsJson()).toEqual([["schema_migrations"]]);
    connection.closeSync();
    instance.closeSync();
  });
});
