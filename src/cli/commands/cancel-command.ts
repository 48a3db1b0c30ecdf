import type { Command } from "commander";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { runSummary } from "../run-summary.ts";
import { stateText } from "../state-words.ts";

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
        const style = invocation.screen.outStyle;
        if (taskId === undefined) {
          await client.cancelRun(runId, reason);
          const run = await client.run(runId);
          invocation.screen.result(() => [runSummary(run, style)], { run });
        } else {
          await client.cancelTask(runId, taskId, reason);
          const task = await client.task(runId, taskId);
          const state = stateText(style, task.status, task.failure_class);
          invocation.screen.result(() => [`${state} ${taskId} of run ${runId}`], { task });
        }
        return undefined;
      }),
    );
}
