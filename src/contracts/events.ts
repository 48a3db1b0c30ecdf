import type { RunId, TaskId, WorkerId } from "../base/index.ts";
import type { CapabilityDocument, WorkerLoad } from "./capability.ts";
import type { TestName } from "./mutes.ts";
import type { FailurePattern } from "./patterns.ts";
import type { Failure, ResultDocument } from "./result.ts";
import type { TokenFacts } from "./roles.ts";
import type { Hardware, TaskSpec } from "./task.ts";
import type { Template } from "./template.ts";
import type { WorkerAction, WorkerAnswerItem } from "./worker-command.ts";

export type AttemptOutcome = "succeeded" | "failed" | "timed_out" | "lost" | "preempted" | "cancelled";

/** What becomes of the task after an attempt ended: decided once, journaled, so that replay needs no rule. */
export type AfterAttempt =
  | { state: "completed" | "failed" | "cancelled" }
  | { state: "queued"; notBeforeMs: number }
  /** Another attempt of the task goes on. */
  | { state: "running" };

/** Whose share of the workers: a pool's, or a user's within each pool. */
export type ShareKind = "pool" | "user";

/** Leave a combination out of placement; let one task try it again; let it be, because a person says so; end it. */
export type AvoidanceAction = "avoid" | "try" | "allow" | "end";

/** One attempt of one task. */
export interface AttemptRef {
  runId: RunId;
  taskId: TaskId;
  /** 1 for the first try. */
  attempt: number;
}

/**
 * Everything that can happen, as it stands in the journal. The sequence of an event is its place in the journal (1, 2, 3 …);
 * its time is the time of its batch. Documents inside (`spec`, `result`, `capabilities`) are as their authors wrote them.
 */
export type JournalEvent =
  | {
      type: "epoch_opened";
      epoch: number;
      holder: string;
      graceMs: number;
      /** How often an idle worker's health is checked; 0, and in what was journaled before absent, for never. */
      healthCheckMs?: number;
    }
  /** The leader did nothing for so long: what was due meanwhile is due so much later. */
  | { type: "leader_stalled"; stalledMs: number }
  | ({ type: "token_created" } & TokenFacts)
  | { type: "token_revoked"; tokenId: string }
  | {
      type: "run_submitted";
      runId: RunId;
      name: string;
      submittedBy: string;
      idempotencyKey: string | null;
      /** Digest of the submitted document: the same key with another document is a conflict. */
      digest: string;
      waitForCapacity: boolean;
      pool: string;
      tasks: TaskSpec[];
      /** A health check of this worker, which nobody submitted; absent for what people submit. */
      checks?: WorkerId;
    }
  | { type: "run_cancelled"; runId: RunId; by: string; reason: string }
  | { type: "run_finished"; runId: RunId; state: RunEndState }
  | { type: "run_archived"; runId: RunId }
  | { type: "task_cancelled"; runId: RunId; taskId: TaskId; by: string; reason: string }
  | { type: "task_skipped"; runId: RunId; taskId: TaskId; because: TaskId }
  | ({
      type: "attempt_leased";
      workerId: WorkerId;
      hardware: Hardware | null;
      /** Indexes of the GPUs set aside; absent for none. */
      gpus?: number[];
      /** Which of the requirement sets was met: absent for the first, else the place in `fallback` plus one. */
      alternative?: number;
    } & AttemptRef)
  /** The lease was asked back: a worker that has not started hands it over, with `running` one that has started too. */
  | ({
      type: "attempt_revoked";
      leaseSeq: number;
      workerId: WorkerId;
      running: boolean;
      reason: string;
      /** The task in whose favour it was preempted. */
      by?: { runId: RunId; taskId: TaskId };
    } & AttemptRef)
  | ({ type: "attempt_progressed"; leaseSeq: number; payload: string } & AttemptRef)
  | ({ type: "attempt_started"; startedAtMs: number } & AttemptRef)
  | ({
      type: "attempt_finished";
      leaseSeq: number;
      workerId: WorkerId;
      outcome: AttemptOutcome;
      startedAtMs: number | null;
      finishedAtMs: number;
      result: ResultDocument | null;
      /** Digest of the result: tells a repeated report from a different one. */
      digest: string | null;
      failure: Failure | null;
      after: AfterAttempt;
      /** What it left for the next attempt; absent for what was journaled before. */
      payload?: string;
    } & AttemptRef)
  /** It has waited long enough to be taken by the next set of its `fallback` too. */
  | { type: "fallback_opened"; runId: RunId; taskId: TaskId; alternative: number }
  /** Workers that take nothing else until the task, and all of its group, can start on them at once. */
  | { type: "claim_opened"; runId: RunId; taskId: TaskId; workers: WorkerId[] }
  | { type: "claim_dropped"; runId: RunId; taskId: TaskId; reason: string }
  | { type: "share_set"; kind: ShareKind; name: string; weight: number; maxRunning: number | null; by: string }
  /** A new version of a template, the first or one more than the last. */
  | { type: "template_added"; template: Template; version: number; by: string }
  | { type: "template_removed"; name: string; by: string }
  /** A test fails no run from now on; the same id again changes the rest. `untilMs`: when that ends by itself, null for never. */
  | {
      type: "test_muted";
      muteId: string;
      test: TestName;
      owner: string;
      reason: string;
      untilMs: number | null;
      by: string;
    }
  | { type: "test_unmuted"; muteId: string; test: TestName; by: string; reason: string }
  /** Attempts fail more often than chance explains; told again when much more is known. */
  | { type: "pattern_found"; pattern: FailurePattern }
  /** What is done about a pattern from now on, and until when. `pattern` is the evidence of a new avoidance. */
  | {
      type: "avoidance_set";
      patternId: string;
      action: AvoidanceAction;
      untilMs: number;
      by: string;
      reason: string;
      pattern?: FailurePattern;
    }
  | { type: "pattern_forgotten"; patternId: string }
  | { type: "retry_due"; runId: RunId; taskId: TaskId }
  | ({ type: "result_conflict"; leaseSeq: number; workerId: WorkerId; digest: string } & AttemptRef)
  | {
      type: "worker_registered";
      workerId: WorkerId;
      name: string;
      incarnation: string;
      sessionId: string;
      capabilities: CapabilityDocument;
      slots: number;
      credits: number;
      /** Why it was started anew, or takes no work; absent for nothing to say. */
      note?: string | undefined;
    }
  | { type: "worker_reported"; workerId: WorkerId; load: WorkerLoad }
  /** `connected`: it is only silent, its session is still open. */
  | { type: "worker_suspected"; workerId: WorkerId; reason: string; lostAtMs: number; connected?: true }
  /** A silent worker spoke again, or one that kept reconnecting was steady for long enough: it may get work again. */
  | { type: "worker_resumed"; workerId: WorkerId }
  /** It connected again and again, and gets no new work until then. */
  | { type: "worker_flapping"; workerId: WorkerId; reconnects: number; untilMs: number }
  /** It gets health checks only. `by`: the person who asked for it, null for the scheduler. */
  | { type: "worker_quarantined"; workerId: WorkerId; reason: string; by: string | null }
  | { type: "worker_released"; workerId: WorkerId; reason: string; by: string | null }
  | { type: "worker_lost"; workerId: WorkerId }
  | { type: "worker_draining"; workerId: WorkerId; by: string; reason: string }
  | { type: "worker_left"; workerId: WorkerId; reason: string }
  | {
      type: "worker_commanded";
      workerId: WorkerId;
      commandId: string;
      action: WorkerAction;
      /** How long what runs may take, from when the worker accepts; null for as long as it takes. */
      deadlineMs: number | null;
      /** Of `update` only. */
      version: string | null;
      by: string;
      reason: string;
    }
  | {
      type: "worker_answered";
      workerId: WorkerId;
      commandId: string;
      action: WorkerAction;
      state: WorkerAnswerItem["state"];
      message: string;
    };

export type RunEndState = "completed" | "failed" | "cancelled";
export type JournalEventOf<Type extends JournalEvent["type"]> = Extract<JournalEvent, { type: Type }>;

/** An event at its place in the journal. */
export interface PlacedEvent {
  seq: number;
  atMs: number;
  event: JournalEvent;
}
