import { assertNever } from "../base/index.ts";
import { done } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import { decideFinished, decideProgressed, decideReleased, decideStarted } from "./decide-attempt.ts";
import { decideReport, decideSetPattern } from "./decide-avoidance.ts";
import { decideJoin } from "./decide-join.ts";
import { decideCancelRun, decideCancelTask, decideSubmit } from "./decide-run.ts";
import { decideProjected, decideStalled, decideTick } from "./decide-time.ts";
import {
  decideCapabilities,
  decideDisconnected,
  decideGoodbye,
  decideHeard,
  decideHeartbeat,
  decideQuarantine,
  decideRegister,
  decideRelease,
  decideSilent,
} from "./decide-worker.ts";
import { decideMutes } from "./mutes.ts";
import type { State } from "./state.ts";
import { decideAddTemplate, decideRemoveTemplate } from "./templates.ts";
import { decideRevoke } from "./tokens.ts";
import { decideAnswer, decideCommand } from "./worker-commands.ts";

/**
 * The events that a command causes in this state, and what its asker is told. Pure: the same state, command and time give the
 * same decision. The caller applies the events with `evolve`; `step` does both.
 */
export function decide(state: State, command: Command, nowMs: number): Decision {
  switch (command.type) {
    case "open_epoch":
      return done({ ...command, type: "epoch_opened" });
    case "leader_stalled":
      return decideStalled(state, command);
    case "create_token":
      return done({ ...command, type: "token_created" });
    case "revoke_token":
      return decideRevoke(state, command);
    case "redeem_join_code":
      return decideJoin(state, command, nowMs);
    case "submit_run":
      return decideSubmit(state, command);
    case "cancel_run":
      return decideCancelRun(state, command);
    case "cancel_task":
      return decideCancelTask(state, command);
    case "register_worker":
      return decideRegister(state, command, nowMs);
    case "worker_heartbeat":
      return decideHeartbeat(state, command, nowMs);
    case "update_capabilities":
      return decideCapabilities(state, command);
    case "worker_disconnected":
      return decideDisconnected(state, command, nowMs);
    case "worker_silent":
      return decideSilent(state, command, nowMs);
    case "worker_heard":
      return decideHeard(state, command);
    case "quarantine_worker":
      return decideQuarantine(state, command);
    case "release_worker":
      return decideRelease(state, command);
    case "worker_goodbye":
      return decideGoodbye(state, command, nowMs);
    case "command_worker":
      return decideCommand(state, command);
    case "worker_answered":
      return decideAnswer(state, command);
    case "set_share":
      return done({ ...command, type: "share_set" });
    case "add_template":
      return decideAddTemplate(state, command, nowMs);
    case "remove_template":
      return decideRemoveTemplate(state, command);
    case "mute_test":
    case "unmute_test":
    case "report_muted":
      return decideMutes(state, command, nowMs);
    case "report_patterns":
      return decideReport(state, command, nowMs);
    case "set_pattern":
      return decideSetPattern(state, command, nowMs);
    case "attempt_started":
      return decideStarted(state, command);
    case "attempt_progressed":
      return decideProgressed(state, command);
    case "attempt_finished":
      return decideFinished(state, command, nowMs);
    case "attempt_released":
      return decideReleased(state, command, nowMs);
    case "tick":
      return decideTick(state, nowMs);
    case "projected":
      return decideProjected(state, command.seq, nowMs);
    default:
      return assertNever(command);
  }
}
