import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { asRunId, asTaskId, asWorkerId } from "../base/index.ts";
import { capabilityDocument, resultDocument, taskSpec } from "../contracts/index.ts";
import type { JournalEvent, PlacedEvent, ResultDocumentInput, TaskSpecInput } from "../contracts/index.ts";
import { openResults } from "./open-results.ts";
import type { Results } from "./open-results.ts";

export const worker = asWorkerId("w1");
export const ALL = { limit: 1_000 };

export function specs(...tasks: TaskSpecInput[]): JournalEvent {
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

export const command = (task_id: string, depends_on: string[] = []): TaskSpecInput => ({
  task_id,
  type: "command",
  config: { command: "true" },
  depends_on,
});

export const registered: JournalEvent = {
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
export class Story {
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

export const suite = (task_id: string, root?: string): TaskSpecInput => ({
  task_id,
  type: "suite",
  config: {
    framework: "pytest",
    directory: "py",
    workspace: root === undefined ? { folder: "/src" } : { root: root.repeat(64) },
    tests: ["t.py"],
  },
});

/** A run with a retry, a failure, a skipped task and a model measured on two platforms. */
export function story(): Story {
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
      suite("s", "a"),
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
  made.attempt("s", 1, {
    tests: [
      { id: "t.py::one\0[\u{1f389}\n]", file: "t.py", outcome: "passed", duration_seconds: 0.5, retries: 1 },
      { id: "t.py::two", outcome: "failed", message: "no", output: "out", muted: true, libraries: { torch: "mocked" } },
    ],
  });
  made.add({ type: "worker_reported", workerId: worker, load: { cpu_percent: 5, memory_used_gb: 1, running: 0 } });
  made.attempt("d", 1, {});
  made.add({ type: "run_finished", runId: asRunId("r1"), state: "failed" });
  return made;
}

export function model(task_id: string, hardware: "cpu" | "wasm"): TaskSpecInput {
  return {
    task_id,
    type: "benchmark",
    requirements: { hardware: [hardware] },
    config: { model: "tiny-bert", batch_sizes: [1, 4] },
  };
}

export function measured(hardware: "cpu"): Partial<ResultDocumentInput> {
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

/** A folder for each test; what was opened in it is closed at its end. */
export class ResultsFolder {
  private folder = "";
  private readonly opened = new Set<Results>();

  constructor() {
    beforeEach(async () => {
      this.folder = await mkdtemp(join(tmpdir(), "assay-results-"));
    });
    afterEach(async () => {
      for (const one of this.opened) await this.close(one);
      await rm(this.folder, { recursive: true });
    });
  }

  path(name = "results.duckdb"): string {
    return join(this.folder, name);
  }

  async open(name?: string): Promise<Results> {
    const one = await openResults({ path: this.path(name) });
    this.opened.add(one);
    return one;
  }

  /** Results with the rows of these events. */
  async of({ events }: Story): Promise<Results> {
    const one = await this.open();
    one.apply(events, 1);
    await one.flush();
    return one;
  }

  async close(one: Results): Promise<void> {
    this.opened.delete(one);
    await one.close();
  }
}
