import { isoTime } from "../base/index.ts";
import type { WorkerId } from "../base/index.ts";
import { fault } from "../contracts/index.ts";
import type {
  JournalEvent,
  JournalEventOf,
  WorkerAction,
  WorkerCommandState,
  WorkerCommandView,
} from "../contracts/index.ts";
import { done, refused } from "./commands.ts";
import type { Command, Decision } from "./commands.ts";
import type { State, WorkerRecord } from "./state.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;

/** So many commands of a worker are remembered, for the answer to one that is asked for again; those under way always are. */
const REMEMBERED_COMMANDS = 50;

/** What was asked of a worker, and how far it is. */
export interface WorkerCommand {
  readonly commandId: string;
  readonly action: WorkerAction;
  readonly deadlineMs: number | null;
  readonly version: string | null;
  readonly by: string;
  readonly reason: string;
  readonly atMs: number;
  state: WorkerCommandState;
  message: string | null;
}

/** A command with an id that the worker was given before is the same command: nothing happens a second time. */
export function decideCommand(state: State, command: Of<"command_worker">): Decision {
  const worker = state.workers.get(command.workerId);
  if (!worker) return refused(fault("not_found", `No worker has the id ${command.workerId}.`));
  const known = worker.commands.find(({ commandId }) => commandId === command.commandId);
  if (known && (known.action !== command.action || known.version !== command.version)) {
    const message = `Worker ${worker.name} was given the id ${command.commandId} for another command: ${known.action}.`;
    return refused(fault("conflict", message, { next: "Take another command_id." }));
  }
  if (known) return done();
  const { workerId, by, reason } = command;
  const events: JournalEvent[] = [{ ...command, type: "worker_commanded" }];
  // The other two may fail, and then the worker goes on: it tells itself when it takes no more.
  if (holdsBack(command) && !worker.draining) events.push({ type: "worker_draining", workerId, by, reason });
  return done(...events);
}

/** Answers only lead on: what is final stays, and an answer that says nothing new is not journaled. */
export function decideAnswer(state: State, command: Of<"worker_answered">): Decision {
  const worker = state.workers.get(command.workerId);
  if (worker?.sessionId !== command.sessionId) return done();
  const known = worker.commands.find(({ commandId }) => commandId === command.commandId);
  if (!known || !isOpen(known) || known.state === command.state) return done();
  const { workerId, commandId, message } = command;
  return done({ type: "worker_answered", workerId, commandId, action: known.action, state: command.state, message });
}

/** What the worker has not ended yet, oldest first: it hears of it in each session. */
export function openCommands(worker: WorkerRecord | undefined): WorkerCommand[] {
  return worker?.commands.filter(isOpen) ?? [];
}

/** A new process of the worker takes up what the former one was asked and did not end. */
export function drainAgain(worker: WorkerRecord | undefined, incarnation: string): JournalEvent[] {
  if (!worker || worker.incarnation === incarnation) return [];
  const asked = openCommands(worker).find(holdsBack);
  if (!asked) return [];
  return [{ type: "worker_draining", workerId: worker.workerId, by: asked.by, reason: asked.reason }];
}

export function evolveCommand(worker: WorkerRecord, event: JournalEventOf<"worker_commanded">, atMs: number): void {
  const { commandId, action, deadlineMs, version, by, reason } = event;
  const fresh = { commandId, action, deadlineMs, version, by, reason, atMs, state: "pending" as const, message: null };
  const all = [...worker.commands, fresh];
  const surplus = all.length - REMEMBERED_COMMANDS;
  worker.commands = all.filter((one, index) => index >= surplus || isOpen(one));
}

export function evolveAnswer(worker: WorkerRecord, event: JournalEventOf<"worker_answered">): void {
  const command = worker.commands.find(({ commandId }) => commandId === event.commandId);
  if (command) Object.assign(command, { state: event.state, message: event.message });
}

/** What the worker was asked, oldest first; undefined for a worker that is not known. */
export function commandsOf(state: State, workerId: WorkerId): WorkerCommandView[] | undefined {
  return state.workers.get(workerId)?.commands.map((command) => ({
    command_id: command.commandId,
    worker_id: workerId,
    action: command.action,
    state: command.state,
    deadline_seconds: command.deadlineMs === null ? null : command.deadlineMs / 1000,
    version: command.version,
    requested_by: command.by,
    reason: command.reason,
    create_time: isoTime(command.atMs),
    message: command.message,
  }));
}

function isOpen({ state }: WorkerCommand): boolean {
  return state === "pending" || state === "accepted";
}

/** Whether the worker takes no more work from the moment of the command. */
function holdsBack({ action }: { action: WorkerAction }): boolean {
  return action === "drain" || action === "stop";
}
