import { assert, assertNever } from "../base/index.ts";
import type { JournalEvent, JournalEventOf } from "../contracts/index.ts";
import { endClaim, evolveClaim, leaveClaim } from "./claims.ts";
import { evolveAttemptEnd, evolveLease, evolveRevoke, evolveStart } from "./evolve-attempt.ts";
import { cancelRun, cancelTask, openFallback, submitRun } from "./evolve-run.ts";
import { comeOnline, excuse, isOnline, loseWorker, openEpoch, registerWorker, suspectWorker } from "./evolve-worker.ts";
import { hold } from "./flapping.ts";
import { evolvePatterns } from "./evolve-avoidance.ts";
import { unindexWarm } from "./learning.ts";
import { evolveMutes } from "./mutes.ts";
import { leaveProfile } from "./profile.ts";
import { enterQuarantine, forgetHealth, leaveQuarantine } from "./quarantine.ts";
import { leaveMachine } from "./resources.ts";
import { nodesOf, place, removeRunNode } from "./share-tree.ts";
import type { State } from "./state.ts";
import { evolveTemplates } from "./templates.ts";
import { setTimer } from "./timers.ts";
import { addToken, revokeToken } from "./tokens.ts";
import { evolveAnswer, evolveCommand } from "./worker-commands.ts";
import { makeReady, mustRun, mustTask, mustWorker, setTaskState } from "./transition.ts";

/**
 * Applies the next event of the journal, in place. The only function that changes the state; it decides nothing, so that
 * replay gives what the leader had.
 */
export function evolve(state: State, event: JournalEvent, atMs: number): void {
  state.seq += 1;
  state.nowMs = atMs;
  switch (event.type) {
    case "epoch_opened":
      return openEpoch(state, event, atMs);
    case "leader_stalled":
      return excuse(state, event.stalledMs);
    case "token_created":
      return addToken(state, event, atMs);
    case "token_revoked":
      return revokeToken(state, event.tokenId);
    case "run_submitted":
      return submitRun(state, event, atMs);
    case "run_cancelled":
      return cancelRun(state, event);
    case "run_finished":
      return finishRun(state, event, atMs);
    case "run_archived":
      return archiveRun(state, event);
    case "task_cancelled":
      return cancelTask(state, mustTask(state, event));
    case "task_skipped": {
      const task = mustTask(state, event);
      state.due.skips.delete(task);
      setTaskState(state, task, "skipped");
      return;
    }
    case "share_set":
      return setShare(state, event);
    case "template_added":
    case "template_removed":
      return evolveTemplates(state, event, atMs);
    case "test_muted":
    case "test_unmuted":
      return evolveMutes(state, event, atMs);
    case "pattern_found":
    case "avoidance_set":
    case "pattern_forgotten":
      return evolvePatterns(state, event, atMs);
    case "retry_due":
      return makeReady(state, mustTask(state, event));
    case "fallback_opened":
      return openFallback(state, event);
    case "claim_opened":
      return evolveClaim(state, mustTask(state, event), event.workers);
    case "claim_dropped":
      return endClaim(state, mustTask(state, event));
    case "attempt_leased":
      return evolveLease(state, event, atMs);
    case "attempt_started":
      return evolveStart(state, event, atMs);
    case "attempt_revoked":
      return evolveRevoke(state, event);
    case "attempt_progressed":
      mustTask(state, event).payload = event.payload;
      return;
    case "attempt_finished":
      return evolveAttemptEnd(state, event, atMs);
    case "result_conflict":
      return noteConflict(state, event);
    default:
      return evolveWorker(state, event, atMs);
  }
}

function finishRun(state: State, event: JournalEventOf<"run_finished">, atMs: number): void {
  const run = mustRun(state, event.runId);
  run.state = event.state;
  run.endedAtMs = atMs;
  run.endedSeq = state.seq;
  state.due.runs.delete(run);
}

function archiveRun(state: State, event: JournalEventOf<"run_archived">): void {
  const run = mustRun(state, event.runId);
  state.runs.delete(run.runId);
  removeRunNode(run.node);
  for (const [column, count] of Object.entries(run.counts)) state.counts[column as keyof typeof state.counts] -= count;
}

function noteConflict(state: State, event: JournalEventOf<"result_conflict">): void {
  const past = mustTask(state, event).past.find((one) => one.leaseSeq === event.leaseSeq);
  if (past) past.conflicted = true;
}

function setShare(state: State, event: JournalEventOf<"share_set">): void {
  const { kind, name, weight, maxRunning } = event;
  state.shares.set(`${kind}:${name}`, { kind, name, weight, maxRunning });
  for (const node of nodesOf(state, kind, name)) {
    Object.assign(node, { weight, maxRunning });
    place(node);
  }
}

function evolveWorker(state: State, event: Extract<JournalEvent, { type: `worker_${string}` }>, atMs: number): void {
  switch (event.type) {
    case "worker_registered":
      return registerWorker(state, event, atMs);
    case "worker_reported":
      mustWorker(state, event.workerId).reportedAtMs = atMs;
      return;
    case "worker_suspected":
      return suspectWorker(state, mustWorker(state, event.workerId), event);
    case "worker_lost":
      return loseWorker(state, mustWorker(state, event.workerId), atMs);
    case "worker_resumed":
      return comeOnline(state, mustWorker(state, event.workerId));
    case "worker_flapping": {
      const worker = mustWorker(state, event.workerId);
      hold(worker.steadiness, event, atMs);
      return comeOnline(state, worker);
    }
    case "worker_quarantined":
    case "worker_released": {
      const worker = mustWorker(state, event.workerId);
      if (event.type === "worker_released") leaveQuarantine(state, worker);
      else enterQuarantine(state, worker, { reason: event.reason, by: event.by });
      if (isOnline(worker)) comeOnline(state, worker);
      return;
    }
    case "worker_draining": {
      const worker = mustWorker(state, event.workerId);
      worker.draining = true;
      if (isOnline(worker)) comeOnline(state, worker);
      return;
    }
    case "worker_commanded":
      return evolveCommand(mustWorker(state, event.workerId), event, atMs);
    case "worker_answered":
      return evolveAnswer(mustWorker(state, event.workerId), event);
    case "worker_left": {
      const worker = mustWorker(state, event.workerId);
      assert(worker.leases.size === 0, `worker ${worker.workerId} leaves without leases`);
      setTimer(state, { worker }, null);
      leaveClaim(worker);
      leaveProfile(state, worker);
      leaveMachine(state, worker);
      state.watch.overfull.delete(worker);
      forgetHealth(state, worker);
      for (const key of worker.warm) unindexWarm(state, worker, key);
      state.workers.delete(worker.workerId);
      return;
    }
    default:
      return assertNever(event);
  }
}
