import type { Command } from "commander";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { explanationLines } from "../explain-lines.ts";
import { workerNames } from "../worker-names.ts";

export function addExplainCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "explain", "say why a task waits, or what it is doing"))
    .argument("<run>", "id of the run")
    .argument("<task>", "id of the task")
    .action(
      cli.action<ConnectionOptions>(async (invocation) => {
        const client = await clientFor(invocation);
        const { screen, context } = invocation;
        const [runId = "", taskId = ""] = invocation.args;
        const explanation = await client.explain(runId, taskId);
        const look = { style: screen.outStyle, nowMs: context.clock.nowMs(), names: await workerNames(client) };
        screen.result(() => explanationLines(explanation, look), explanation);
        return undefined;
      }),
    );
}
