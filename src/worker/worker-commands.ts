import { assertNever, errorMessage } from "../base/index.ts";
import type { WorkerAnswerItem, WorkerCommandItem } from "../contracts/index.ts";
import type { CommandMemory, CommandRecord } from "./command-memory.ts";
import type { Supervision } from "./supervision.ts";
import type { WorkerLogger } from "./worker-logger.ts";

const MAX_MESSAGE_LENGTH = 2_000;
const NOT_SUPERVISED = "nothing would start this worker anew: it runs without --supervise";

/** How a worker process ends by a command. */
export type Ending = "stop" | "restart";

/** What commands do to the worker. */
export interface CommandTarget {
  /** Takes nothing new from now on. */
  drain(reason: string, options: { announce: boolean }): void;
  /** Resolves when nothing runs or waits any more; after `deadlineMs` what runs is given up. Gives how many were. */
  endAttempts(deadlineMs: number | null): Promise<number>;
  /** Resolves when all results are acknowledged; with `atMostMs`, not later than that or than the end of the session. */
  delivered(options: { atMostMs: number | null }): Promise<void>;
  /** Ends all sessions for good. */
  leave(ending: Ending, reason: string): Promise<void>;
  answer(item: WorkerAnswerItem): void;
}

export interface WorkerCommandsOptions {
  memory: CommandMemory;
  supervision: Supervision | null;
  target: CommandTarget;
  logger: WorkerLogger;
}

/** How long a worker that is to end waits for the answers to its last results: they are on disk. */
export const DELIVERY_WAIT_MS = 5_000;

/** The commands of a coordinator: each is begun once, whatever is sent again, and answered until the coordinator knows. */
export class WorkerCommands {
  private readonly options: WorkerCommandsOptions;
  private readonly underWay = new Set<string>();

  constructor(options: WorkerCommandsOptions) {
    this.options = options;
  }

  receive(item: WorkerCommandItem): void {
    const known = this.options.memory.get(item.command_id);
    if (this.underWay.has(item.command_id) || (known !== undefined && known.state !== "accepted")) {
      if (known) this.answer(known);
      return;
    }
    this.underWay.add(item.command_id);
    void this.perform(item, known).finally(() => this.underWay.delete(item.command_id));
  }

  private async perform(item: WorkerCommandItem, known: CommandRecord | undefined): Promise<void> {
    const { supervision, logger } = this.options;
    logger.info({ command_id: item.command_id, action: item.action }, `asked to ${item.action}: ${item.reason}`);
    const before = known === undefined ? null : fulfilled(known, supervision);
    if (before !== null) return this.end(item, before);
    const { command_id, action, version = null } = item;
    await this.note({ command_id, action, version, state: "accepted", message: "" });
    try {
      await this.act(item);
    } catch (error) {
      await this.end(item, { state: "failed", message: errorMessage(error) });
    }
  }

  private async act(item: WorkerCommandItem): Promise<void> {
    const { target, supervision } = this.options;
    const { action, version = "", reason } = item;
    switch (action) {
      case "drain": {
        const message = await this.quiet(item);
        await target.delivered({ atMostMs: null });
        return this.end(item, { state: "done", message });
      }
      case "stop": {
        const message = await this.quiet(item);
        await target.delivered({ atMostMs: DELIVERY_WAIT_MS });
        await this.end(item, { state: "done", message });
        return target.leave("stop", reason);
      }
      case "update":
      case "restart": {
        if (supervision === null) return this.end(item, { state: "failed", message: NOT_SUPERVISED });
        if (action === "update") {
          if (version === supervision.version) return this.end(item, { state: "done", message: `${version} runs` });
          await supervision.prepare(version);
        }
        await this.quiet(item);
        await target.delivered({ atMostMs: DELIVERY_WAIT_MS });
        return target.leave("restart", reason);
      }
      default:
        return assertNever(action);
    }
  }

  /** Takes nothing new and waits for what runs, until the deadline. */
  private async quiet({ action, reason, deadline_ms }: WorkerCommandItem): Promise<string> {
    const { target } = this.options;
    target.drain(reason === "" ? `asked to ${action}` : reason, { announce: true });
    const givenUp = await target.endAttempts(deadline_ms ?? null);
    return givenUp === 0 ? "" : `at the deadline ${givenUp} running attempts were given up`;
  }

  private async end(item: WorkerCommandItem, end: { state: "done" | "failed"; message: string }): Promise<void> {
    const { command_id, action, version = null } = item;
    const message = end.message.slice(0, MAX_MESSAGE_LENGTH);
    await this.note({ command_id, action, version, state: end.state, message });
  }

  /** Remembers, then tells. */
  private async note(record: CommandRecord): Promise<void> {
    try {
      await this.options.memory.put(record);
    } catch (error) {
      // Doing it once more after a crash is better than not doing it.
      this.options.logger.error({ err: errorMessage(error) }, "a command could not be remembered on disk");
    }
    this.answer(record);
  }

  private answer({ command_id, state, message }: CommandRecord): void {
    this.options.target.answer({ command_id, state, ...(message === "" ? {} : { message }) });
  }
}

/** What a former process of the worker accepted: done by the start of this one, or null when it is still to be done. */
function fulfilled(
  { action, version }: CommandRecord,
  supervision: Supervision | null,
): { state: "done" | "failed"; message: string } | null {
  if (action === "restart") return { state: "done", message: "the worker was started anew" };
  if (action !== "update" || supervision === null) return null;
  if (version === supervision.version) return { state: "done", message: `${version} runs` };
  const { refused } = supervision;
  if (refused === null || refused.version !== version) return null;
  return { state: "failed", message: `${refused.reason}; back at ${supervision.version}` };
}
