import type { Command } from "commander";
import { createClient } from "../client/index.ts";
import type { Client } from "../client/index.ts";
import { requireConnection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";
import { Screen } from "./context.ts";
import type { CliContext } from "./context.ts";
import { exitCodes } from "./exit-codes.ts";
import type { ExitCode } from "./exit-codes.ts";
import { httpUrl } from "./option-values.ts";

/** One call of a command, parsed. */
export interface Invocation<Options> {
  readonly context: CliContext;
  readonly screen: Screen;
  /** Positional arguments; those that were left out are missing. */
  readonly args: readonly string[];
  /** What stands after `--`: for another program. */
  readonly passedOn: readonly string[];
  readonly options: Options;
}

type Handler<Options> = (invocation: Invocation<Options>) => Promise<ExitCode | undefined>;

/** What the commands are made with. */
export class Cli {
  readonly context: CliContext;
  /** What the process ends with. */
  exitCode: ExitCode = exitCodes.ok;

  constructor(context: CliContext) {
    this.context = context;
  }

  /** A command with `--json`, which every one has. */
  command(parent: Command, usage: string, summary: string): Command {
    return parent.command(usage).summary(summary).description(summary).option("--json", "print one JSON object");
  }

  /** What commander calls. A handler that gives no exit code ended well. */
  action<Options>(handler: Handler<Options>): (...received: unknown[]) => Promise<void> {
    return async (...received) => {
      const command = received.at(-1) as Command;
      const options = command.opts<Options & { json?: boolean }>();
      const screen = new Screen(this.context, options.json === true);
      const passedOn = afterDashes(command);
      const given = command.processedArgs.flat() as string[];
      const args = given.slice(0, given.length - passedOn.length);
      const code = await handler({ context: this.context, screen, args, passedOn, options });
      this.exitCode = code ?? exitCodes.ok;
    };
  }
}

/** A command that takes none has refused them before it is called. */
function afterDashes(command: Command): string[] {
  let root = command;
  while (root.parent !== null) root = root.parent;
  const { rawArgs } = root as Command & { rawArgs: string[] };
  const at = rawArgs.indexOf("--");
  return at === -1 ? [] : rawArgs.slice(at + 1);
}

/** The options that say which coordinator is meant. */
export function withConnection(command: Command): Command {
  return command
    .option("--coordinator <url>", "address of the coordinator (ASSAY_COORDINATOR)", httpUrl)
    .option("--token <token>", "who asks (ASSAY_TOKEN)")
    .option("--data-dir <folder>", "folder of a coordinator on this machine (ASSAY_DATA_DIR; default .assay)");
}

/** The API of the coordinator that the options mean. */
export async function clientFor({ options, context }: Invocation<ConnectionOptions>): Promise<Client> {
  return createClient(await requireConnection(options, context));
}
