import { Command } from "commander";
import { ASSAY_VERSION } from "../contracts/index.ts";
import type { Cli } from "./cli.ts";
import { addAdoptCommand } from "./commands/adopt-command.ts";
import { addAnalyzeCommand } from "./commands/analyze-command.ts";
import { addCancelCommand } from "./commands/cancel-command.ts";
import { addCoordinatorCommand } from "./commands/coordinator-command.ts";
import { addDiscoverCommand } from "./commands/discover-command.ts";
import { addExplainCommand } from "./commands/explain-command.ts";
import { addGenerateCommand } from "./commands/generate-command.ts";
import { addHardwareCommand } from "./commands/hardware-command.ts";
import { addJoinCommand } from "./commands/join-command.ts";
import { addLogsCommand } from "./commands/logs-command.ts";
import { addMatrixCommand } from "./commands/matrix-command.ts";
import { addModelsCommand } from "./commands/models-command.ts";
import { addMuteCommand } from "./commands/mute-command.ts";
import { addMutesCommand } from "./commands/mutes-command.ts";
import { addPatternsCommand } from "./commands/patterns-command.ts";
import { addRebuildCommand } from "./commands/rebuild-command.ts";
import { addResultsCommand } from "./commands/results-command.ts";
import { addRunCommand } from "./commands/run-command.ts";
import { addRunsCommand } from "./commands/runs-command.ts";
import { addSharesCommand } from "./commands/shares-command.ts";
import { addSqlCommand } from "./commands/sql-command.ts";
import { addStatusCommand } from "./commands/status-command.ts";
import { addTasksCommand } from "./commands/tasks-command.ts";
import { addTemplatesCommand } from "./commands/templates-command.ts";
import { addTestCommand } from "./commands/test-command.ts";
import { addTestsCommand } from "./commands/tests-command.ts";
import { addTokenCommand } from "./commands/token-command.ts";
import { addUnmuteCommand } from "./commands/unmute-command.ts";
import { addUpCommand } from "./commands/up-command.ts";
import { addVerifyCommand } from "./commands/verify-command.ts";
import { addWorkerCommand } from "./commands/worker-command.ts";
import { addWorkersCommand } from "./commands/workers-command.ts";

type AddCommand = (program: Command, cli: Cli) => void;

/** The order of the help: what most people need first. */
const groups: readonly { heading: string; commands: readonly AddCommand[] }[] = [
  { heading: "Start:", commands: [addUpCommand, addCoordinatorCommand, addWorkerCommand, addJoinCommand] },
  {
    heading: "Test and measure:",
    commands: [
      ...[addTestCommand, addDiscoverCommand, addAdoptCommand, addRunCommand, addMatrixCommand, addGenerateCommand],
      ...[addTemplatesCommand, addHardwareCommand, addModelsCommand],
    ],
  },
  {
    heading: "Look:",
    commands: [
      ...[addStatusCommand, addRunsCommand, addTasksCommand, addWorkersCommand, addResultsCommand],
      ...[addTestsCommand, addMutesCommand],
      ...[addSharesCommand, addPatternsCommand, addExplainCommand, addLogsCommand, addSqlCommand],
      addAnalyzeCommand,
    ],
  },
  {
    heading: "Manage:",
    commands: [
      addMuteCommand,
      addUnmuteCommand,
      addCancelCommand,
      addTokenCommand,
      addVerifyCommand,
      addRebuildCommand,
    ],
  },
];

const exitCodeHelp = `
Exit codes: 0 ok, 1 tests failed, 2 wrong usage or input, 3 infrastructure, 4 gate breached, 5 nothing matched, 130 interrupted.
Results go to standard output, everything else to standard error. Every command takes --json.`;

/** The command line. Errors of usage are thrown as commander's errors, never printed and never the end of the process. */
export function createProgram(cli: Cli): Command {
  const { stdout, stderr } = cli.context;
  const program = new Command("assay")
    .description("Distributed testing and benchmarking of AI models, and of any test suite.")
    .version(ASSAY_VERSION, "-V, --version")
    .helpOption("-h, --help", "show this")
    .helpCommand(false)
    // Commands and their subcommands have options of the same names.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => stdout.columns || 100,
      getErrHelpWidth: () => stderr.columns || 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText("after", exitCodeHelp);
  for (const { heading, commands } of groups) {
    program.commandsGroup(heading);
    for (const add of commands) add(program, cli);
  }
  return program;
}
