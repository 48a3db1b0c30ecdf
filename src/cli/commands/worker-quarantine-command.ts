import type { Command } from "commander";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { workerIdOf } from "../worker-names.ts";

interface Options extends ConnectionOptions {
  reason: string;
}

/** `assay worker quarantine|release <worker>`. */
export function addQuarantineCommands(parent: Command, cli: Cli): void {
  for (const [word, summary] of [
    ["quarantine", "give a worker health checks only, until it is released by hand"],
    ["release", "let a worker out of quarantine"],
  ] as const)
    withConnection(cli.command(parent, word, summary))
      .argument("<worker>", "id or name of the worker")
      .option("--reason <text>", "why, for the record", "asked by a person")
      .action(
        cli.action<Options>(async (invocation) => {
          const client = await clientFor(invocation);
          const { options, screen, args } = invocation;
          const workerId = await workerIdOf(client, args[0] ?? "");
          if (word === "release") await client.releaseWorker(workerId, options.reason);
          else await client.quarantineWorker(workerId, options.reason);
          const said = word === "release" ? "is out of quarantine" : "is in quarantine";
          screen.result(() => [`worker ${workerId} ${said}`], { worker_id: workerId, quarantined: word !== "release" });
        }),
      );
}
