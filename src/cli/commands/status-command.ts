import type { Command } from "commander";
import type { StatusResponse } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { agoText } from "../quantities.ts";
import { countsText } from "../run-summary.ts";

export function addStatusCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "status", "the coordinator at a glance")).action(
    cli.action<ConnectionOptions>(async (invocation) => {
      const client = await clientFor(invocation);
      const status = await client.status();
      invocation.screen.result(() => statusLines(status, cli.context.clock.nowMs()), status);
      return undefined;
    }),
  );
}

function statusLines(status: StatusResponse, nowMs: number): string[] {
  const workers = Object.entries(status.workers).filter(([, count]) => count > 0);
  return [
    `coordinator  Assay ${status.assay_version}, epoch ${status.epoch}, started ${agoText(status.started_at, nowMs)}`,
    `journal      ${status.seq} events`,
    `workers      ${workers.length === 0 ? "none" : workers.map(([state, count]) => `${count} ${state}`).join(", ")}`,
    `runs         ${status.active_runs} active`,
    `tasks        ${status.tasks.total === 0 ? "none" : countsText(status.tasks)}`,
  ];
}
