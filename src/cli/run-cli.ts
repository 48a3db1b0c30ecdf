import { CommanderError } from "commander";
import type { Command } from "commander";
import type { AssayError } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { Cli } from "./cli.ts";
import { Screen } from "./context.ts";
import type { CliContext } from "./context.ts";
import { asAssayError, errorDocument, errorLines } from "./error-text.ts";
import { exitCodeOfError, exitCodes } from "./exit-codes.ts";
import type { ExitCode } from "./exit-codes.ts";
import { createProgram } from "./program.ts";

/** Runs one command line (without `node` and the script) and gives what the process ends with. Never rejects. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<ExitCode> {
  const cli = new Cli(context);
  const program = createProgram(cli);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return usageError(error, program, { argv, context });
    return tell(asAssayError(error), { argv, context });
  }
}

interface Call {
  argv: readonly string[];
  context: CliContext;
}

/** Help and version are not errors; a command line that asks for nothing has had its help. */
function usageError(error: CommanderError, program: Command, call: Call): ExitCode {
  if (error.exitCode === 0) return exitCodes.ok;
  if (error.code === "commander.help") return exitCodes.usage;
  const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  return tell(assayError("usage", message, { next: `See \`${commandName(program, call.argv)} --help\`.` }), call);
}

/** The command that a command line names, as far as it names one: `assay token create`. */
function commandName(program: Command, argv: readonly string[]): string {
  let name = program.name();
  let command: Command | undefined = program;
  for (const word of argv.filter((argument) => !argument.startsWith("-"))) {
    command = command.commands.find((child) => child.name() === word);
    if (command === undefined) break;
    name += ` ${word}`;
  }
  return name;
}

function tell(error: AssayError, { argv, context }: Call): ExitCode {
  const screen = new Screen(context, argv.includes("--json"));
  if (screen.json) screen.result(() => [], { error: errorDocument(error) });
  else {
    const debug = context.env["ASSAY_DEBUG"] === "1";
    context.stderr.write(`${errorLines(error, { style: screen.errStyle, debug }).join("\n")}\n`);
  }
  return exitCodeOfError(error);
}
