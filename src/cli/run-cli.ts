import { CommanderError } from "commander";
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
  try {
    await createProgram(cli).parseAsync([...argv], { from: "user" });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return usageError(error, { argv, context });
    return tell(asAssayError(error), { argv, context });
  }
}

interface Call {
  argv: readonly string[];
  context: CliContext;
}

/** Help and version are not errors; a command line that asks for nothing has had its help. */
function usageError(error: CommanderError, call: Call): ExitCode {
  if (error.exitCode === 0) return exitCodes.ok;
  if (error.code === "commander.help") return exitCodes.usage;
  const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  const name = call.argv.find((argument) => !argument.startsWith("-"));
  const command = name === undefined || error.code === "commander.unknownCommand" ? "" : ` ${name}`;
  return tell(assayError("usage", message, { next: `See \`assay${command} --help\`.` }), call);
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
