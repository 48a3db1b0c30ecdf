import { machineClassOf } from "../contracts/index.ts";
import type { CapabilityDocument, JournalEventOf, ResultDocument } from "../contracts/index.ts";
import type { AttemptRow, SuiteKind, TaskRow } from "./rows.ts";
import { JsonMemo, jsonText } from "./json-text.ts";
import { TableRows } from "./table-rows.ts";
import { tables } from "./tables.ts";

/** An artifact's number: its result's, and its place in it. */
const ARTIFACTS_PER_RESULT = 2 ** 10;
/** The same for a test. */
const TESTS_PER_RESULT = 2 ** 13;

/** The number of the first test in the result of an event: later results have higher ones. */
export function firstTestNo(seq: number): number {
  return seq * TESTS_PER_RESULT;
}

/** Where a result comes from. */
interface ResultOrigin {
  task: TaskRow;
  attempt: AttemptRow;
  seq: number;
  /** Of the worker, as it introduced itself last: its price may be another one when somebody asks. */
  capabilities: CapabilityDocument | undefined;
}

/** Rows of accepted results, which never change. */
export class ResultRows {
  readonly tables = {
    results: new TableRows(tables.results),
    metrics: new TableRows(tables.metrics),
    artifacts: new TableRows(tables.artifacts),
    tests: new TableRows(tables.tests),
  };
  private readonly json = new JsonMemo();

  add(event: JournalEventOf<"attempt_finished">, from: ResultOrigin): void {
    const { result, runId, taskId, attempt, workerId, failure } = event;
    if (!result) return;
    const { task, seq } = from;
    const price = from.capabilities?.price_per_hour;
    const { type, model, precision } = task.kind;
    const hardware = result.hardware ?? from.attempt.hardware;
    const proof = result.provenance;
    this.tables.results.add([
      seq,
      runId,
      taskId,
      attempt,
      workerId,
      type,
      result.status,
      model,
      precision,
      task.kind.backend ?? proof?.requested_backend ?? null,
      proof?.observed_backend ?? null,
      hardware,
      deviceOf(result),
      result.execution_time_seconds,
      event.finishedAtMs,
      from.attempt.hardwareMetrics,
      this.json.of(result.results),
      proof?.kind ?? null,
      proof?.proven ?? null,
      proof ? jsonText(proof) : null,
      failure?.class ?? null,
      failure && jsonText(failure),
      result.partial === true,
      result.isolation ? jsonText(result.isolation) : null,
      this.json.of(result.recovery),
      price?.amount ?? null,
      price?.currency ?? null,
    ]);
    for (const { name, value, unit, batch_size } of result.metrics) {
      this.tables.metrics.add([seq, runId, taskId, attempt, model, hardware, batch_size ?? null, name, value, unit]);
    }
    for (const [index, { name, sha256, size_bytes, content_type }] of result.artifacts.entries()) {
      this.tables.artifacts.add([
        seq * ARTIFACTS_PER_RESULT + index,
        runId,
        taskId,
        attempt,
        name,
        sha256,
        size_bytes,
        content_type,
      ]);
    }
    if (task.kind.suite) this.addTests(event, task.kind.suite, from);
  }

  private addTests(
    event: JournalEventOf<"attempt_finished">,
    { framework, directory, workspace }: SuiteKind,
    { seq, capabilities }: ResultOrigin,
  ): void {
    const { result, runId, taskId, attempt, workerId, finishedAtMs } = event;
    for (const [index, test] of (result?.tests ?? []).entries()) {
      this.tables.tests.add([
        firstTestNo(seq) + index,
        runId,
        taskId,
        attempt,
        workerId,
        capabilities ? machineClassOf(capabilities) : null,
        framework,
        directory,
        workspace,
        test.id,
        test.file ?? null,
        test.outcome,
        test.duration_seconds,
        test.retries ?? 0,
        test.muted === true,
        test.message ?? null,
        test.output ?? null,
        test.libraries ? jsonText(test.libraries) : null,
        finishedAtMs,
      ]);
    }
  }
}

/** What a model's runtime said it computes on. */
function deviceOf({ results: { runtime } }: ResultDocument): string | null {
  if (typeof runtime !== "object" || runtime === null || Array.isArray(runtime)) return null;
  return typeof runtime["device"] === "string" ? runtime["device"] : null;
}
