import type { RunId, TaskId, WorkerId } from "../base/index.ts";
import type {
  AckVerdict,
  CapabilityDocument,
  FailurePattern,
  Fault,
  FinishedItem,
  HeldLease,
  JournalEvent,
  Mute,
  MutedEvidence,
  ShareKind,
  TaskSpec,
  Template,
  TestName,
  TokenFacts,
  WorkerAction,
  WorkerAnswerItem,
  WorkerLoad,
} from "../contracts/index.ts";
import type { TemplateVersion } from "./templates.ts";
import type { WorkerCommand } from "./worker-commands.ts";

/** What can be asked of the state machine. Ids, digests and secrets' hashes are made outside and passed in. */
export type Command =
  | { type: "open_epoch"; epoch: number; holder: string; graceMs: number; healthCheckMs?: number }
  /** The leader did nothing for so long. */
  | { type: "leader_stalled"; stalledMs: number }
  | ({ type: "create_token" } & TokenFacts)
  | {
      type: "redeem_join_code";
      codeSha256: string;
      /** What it is exchanged for. */
      token: { tokenId: string; sha256: string; expiresAtMs: number };
    }
  | { type: "revoke_token"; tokenId: string }
  | {
      type: "submit_run";
      runId: RunId;
      name: string;
      submittedBy: string;
      idempotencyKey: string | null;
      digest: string;
      waitForCapacity: boolean;
      pool: string;
      tasks: TaskSpec[];
    }
  | { type: "cancel_run"; runId: RunId; by: string; reason: string }
  | { type: "cancel_task"; runId: RunId; taskId: TaskId; by: string; reason: string }
  | {
      type: "register_worker";
      workerId: WorkerId;
      name: string;
      incarnation: string;
      sessionId: string;
      capabilities: CapabilityDocument;
      slots: number;
      credits: number;
      note?: string | undefined;
      held: HeldLease[];
    }
  | {
      type: "worker_heartbeat";
      workerId: WorkerId;
      sessionId: string;
      load: WorkerLoad;
      receivedSeq: number;
      held: number[];
    }
  | {
      type: "update_capabilities";
      workerId: WorkerId;
      sessionId: string;
      capabilities: CapabilityDocument;
      slots: number;
      credits: number;
      note?: string | undefined;
    }
  /** It is lost unless it is back within `graceMs`. */
  | { type: "worker_disconnected"; workerId: WorkerId; sessionId: string; reason: string; graceMs: number }
  /** Nothing was heard of it lately, although its session is open; it is lost after `graceMs` more. */
  | { type: "worker_silent"; workerId: WorkerId; sessionId: string; reason: string; graceMs: number }
  /** It is heard again. */
  | { type: "worker_heard"; workerId: WorkerId; sessionId: string }
  | { type: "quarantine_worker"; workerId: WorkerId; by: string; reason: string }
  | { type: "release_worker"; workerId: WorkerId; by: string; reason: string }
  | { type: "worker_goodbye"; workerId: WorkerId; sessionId: string; reason: string }
  | {
      type: "command_worker";
      workerId: WorkerId;
      commandId: string;
      action: WorkerAction;
      deadlineMs: number | null;
      version: string | null;
      by: string;
      reason: string;
    }
  | {
      type: "worker_answered";
      workerId: WorkerId;
      sessionId: string;
      commandId: string;
      state: WorkerAnswerItem["state"];
      message: string;
    }
  | { type: "set_share"; kind: ShareKind; name: string; weight: number; maxRunning: number | null; by: string }
  | { type: "add_template"; template: Template; by: string }
  | { type: "remove_template"; name: string; by: string }
  | { type: "mute_test"; test: TestName; owner: string; reason: string; untilMs: number | null; by: string }
  | { type: "unmute_test"; muteId: string; by: string }
  /** What muted tests have shown since, in the results. */
  | { type: "report_muted"; tests: readonly MutedEvidence[] }
  /** Found in the results, which held everything up to event `seq`. */
  | { type: "report_patterns"; seq: number; patterns: readonly FailurePattern[] }
  | { type: "set_pattern"; patternId: string; action: "avoid" | "allow"; by: string; reason: string }
  | { type: "attempt_started"; workerId: WorkerId; leaseSeq: number; startedAtMs: number }
  | { type: "attempt_progressed"; workerId: WorkerId; leaseSeq: number; payload: string }
  | { type: "attempt_finished"; workerId: WorkerId; item: FinishedItem; digest: string }
  | { type: "attempt_released"; workerId: WorkerId; leaseSeq: number; reason: string; payload?: string }
  | { type: "tick" }
  | { type: "projected"; seq: number };

/** What the asker is told, once everything before it is committed. */
export type Reply =
  | { type: "done" }
  | { type: "refused"; fault: Fault }
  | { type: "run_accepted"; runId: RunId; tasks: number; duplicate: boolean }
  | { type: "template_added"; added: TemplateVersion }
  | { type: "test_muted"; mute: Mute }
  | { type: "ack"; leaseSeq: number; verdict: AckVerdict }
  /**
   * A worker came back: leases to send again, leases it holds that are no longer its own, and leases asked back of it. `ahead`: it
   * holds leases from beyond the journal's end, which was put back, and must forget all before it may speak.
   */
  | {
      type: "reattached";
      ahead: boolean;
      resend: number[];
      fenced: number[];
      revoked: { leaseSeq: number; running: boolean }[];
      draining: boolean;
      commands: readonly WorkerCommand[];
    };

export interface Decision {
  events: JournalEvent[];
  reply: Reply;
}

export const done = (...events: JournalEvent[]): Decision => ({ events, reply: { type: "done" } });
export const refused = (fault: Fault): Decision => ({ events: [], reply: { type: "refused", fault } });
