import type { Command } from "commander";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { wholeNumber } from "../option-values.ts";

interface Options extends ConnectionOptions {
  follow?: boolean;
  attempt?: number;
}

export function addLogsCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "logs", "print what a task wrote"))
    .argument("<run>", "id of the run")
    .argument("<task>", "id of the task")
    .option("-f, --follow", "go on until the attempt ends")
    .option("--attempt <number>", "which try; default: the latest", wholeNumber(1, 1_000_000))
    .action(
      cli.action<Options>(async (invocation) => {
        const client = await clientFor(invocation);
        const { context, screen, options } = invocation;
        const [runId = "", taskId = ""] = invocation.args;
        const wanted = { runId, taskId, attempt: options.attempt, follow: options.follow === true };
        const chunks: { stream: "stdout" | "stderr"; text: string }[] = [];
        for await (const chunk of client.logs(wanted, context.interrupts.signal)) {
          if (screen.json) chunks.push(chunk);
          else (chunk.stream === "stdout" ? context.stdout : context.stderr).write(chunk.text);
        }
        if (screen.json) screen.result(() => [], { run_id: runId, task_id: taskId, chunks });
        return context.interrupts.signal.aborted ? context.interrupts.exitCode : undefined;
      }),
    );
}
