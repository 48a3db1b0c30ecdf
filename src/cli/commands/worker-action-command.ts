import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { errorCode } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { WorkerAction, WorkerCommandView } from "../../contracts/index.ts";
import type { Client } from "../../client/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import { duration } from "../option-values.ts";
import { workerIdOf } from "../worker-names.ts";

interface Options extends ConnectionOptions {
  reason: string;
  deadline?: number;
  wait?: boolean;
}

const summaries: Readonly<Record<WorkerAction, string>> = {
  drain: "let a worker finish what it has and take nothing new",
  stop: "drain a worker, then end its process",
  restart: "drain a worker that runs with --supervise, then start it anew",
  update: "restart a worker that runs with --supervise in another version of Assay",
};

const POLL_MS = 250;

/** `assay worker drain|stop|restart|update <worker>`. */
export function addActionCommand(parent: Command, cli: Cli, action: WorkerAction): void {
  const command = withConnection(cli.command(parent, action, summaries[action]))
    .argument("<worker>", "id or name of the worker")
    .option("--deadline <time>", "hand back what still runs after that; default: let it end", duration)
    .option("--reason <text>", "why, for the record", "asked by a person")
    .option("--wait", "until the worker has done it, or could not");
  if (action === "update") command.argument("<version>", "the version to run");
  command.action(
    cli.action<Options>(async (invocation) => {
      const client = await clientFor(invocation);
      const { options, screen, args, context } = invocation;
      const [idOrName = "", version = null] = args;
      const workerId = await workerIdOf(client, idOrName);
      const { deadline, reason } = options;
      const asked = await client.commandWorker(workerId, {
        command_id: randomUUID(),
        ...{ action, reason, version },
        deadline_seconds: deadline === undefined ? null : deadline / 1000,
      });
      const told = options.wait === true ? await outcome(client, asked, context.interrupts.signal) : asked;
      screen.result(() => [stateLine(told)], { command: told });
      return told.state === "failed" ? exitCodes.infrastructure : undefined;
    }),
  );
}

/** Looks until the worker has given its last answer. */
async function outcome(client: Client, asked: WorkerCommandView, signal: AbortSignal): Promise<WorkerCommandView> {
  let command = asked;
  while (command.state === "pending" || command.state === "accepted") {
    if (signal.aborted) throw assayError("interrupted", `Waiting for command ${command.command_id} was interrupted.`);
    await delay(POLL_MS);
    const commands = await client.workerCommands(command.worker_id).catch((error: unknown) => {
      // One that was told to stop is forgotten once it has.
      if (command.action === "stop" && errorCode(error) === "not_found")
        return [{ ...command, state: "done" as const }];
      throw error;
    });
    command = commands.find(({ command_id: id }) => id === asked.command_id) ?? command;
  }
  return command;
}

function stateLine({ action, worker_id: worker, state, command_id: id, message }: WorkerCommandView): string {
  const said = message === null || message === "" ? "" : `: ${message}`;
  return `${action} ${state} for worker ${worker} (command ${id})${said}`;
}
