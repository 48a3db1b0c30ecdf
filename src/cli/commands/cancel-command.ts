import type { Command } from "commander";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";

interface Options extends ConnectionOptions {
  reason: string;
}

export function addCancelCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "cancel", "cancel a run, or one task of it"))
    .argument("<run>", "id of the run")
    .argument("[task]", "id of the task; all tasks when left out")
    .option("--reason <text>", "why, for the record", "asked by a person")
    .action(
      cli.action<Options>(async (invocation) => {
        const client = await clientFor(invocation);
        const [runId = "", taskId] = invocation.args;
        const { reason } = invocation.options;
        if (taskId === undefined) await client.cancelRun(runId, reason);
        else await client.cancelTask(runId, taskId, reason);
        const what = taskId === undefined ? `run ${runId}` : `task ${taskId} of run ${runId}`;
        const ids = { run_id: runId, ...(taskId === undefined ? {} : { task_id: taskId }) };
        invocation.screen.result(() => [`cancelled ${what}`], { cancelled: ids });
        return undefined;
      }),
    );
}
