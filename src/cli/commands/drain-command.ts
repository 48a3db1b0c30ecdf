import type { Command } from "commander";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { workerIdOf } from "../worker-names.ts";

interface Options extends ConnectionOptions {
  reason: string;
}

export function addDrainCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "drain", "let a worker finish what it has and take nothing new"))
    .argument("<worker>", "id or name of the worker")
    .option("--reason <text>", "why, for the record", "asked by a person")
    .action(
      cli.action<Options>(async (invocation) => {
        const client = await clientFor(invocation);
        const [idOrName = ""] = invocation.args;
        const workerId = await workerIdOf(client, idOrName);
        await client.drainWorker(workerId, invocation.options.reason);
        const line = `worker ${workerId} takes nothing new; \`assay workers\` shows when it has left`;
        invocation.screen.result(() => [line], { draining: { worker_id: workerId } });
        return undefined;
      }),
    );
}
