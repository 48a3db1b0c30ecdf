import type { Command } from "commander";
import { DEFAULT_POOL } from "../../contracts/index.ts";
import { withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import { duration, idText, wholeNumber } from "../option-values.ts";
import { testProject, UNTIL_FAIL_REPEATS } from "../tested-project.ts";
import type { TestOptions } from "../tested-project.ts";
import { changedSinceOption, frameworkOption } from "./discover-command.ts";

export function addTestCommand(program: Command, cli: Cli): void {
  withConnection(
    cli.command(program, "test", "find the tests of a project, run them on the workers, and wait for their end"),
  )
    .usage("[options] [folder] [-- arguments of the framework]")
    .argument("[folder]", "of the project, or an address of git such as https://host/project.git@branch; default: here")
    .argument("[arguments...]", "for the framework, after --")
    .addOption(frameworkOption())
    .option("--match <patterns...>", "only tests whose file or id matches one of these")
    .option("--last-failed", "only tests that did not pass when they ran last")
    .addOption(changedSinceOption())
    .option("--repeat <count>", "run each test so many times", wholeNumber(1, 10_000), 1)
    .option("--until-fail", `repeat until one does not pass (at most ${UNTIL_FAIL_REPEATS} times, or --repeat)`)
    .option("--retries <count>", "try a test that did not pass again, so many times", wholeNumber(0, 100), 0)
    .option("--test-timeout <time>", "end a test that takes longer, e.g. 30s", duration)
    .option("--max-failures <count>", "stop after so many tests that did not pass", wholeNumber(1, 1_000_000))
    .option("--shuffle <seed>", "in an order that this number decides", wholeNumber(0, 2 ** 31))
    .option("--require-real <libraries...>", "fail tests that see a stand-in for one of these, or none")
    .option("--name <name>", "name of the run", idText)
    .option("--pool <name>", "pool of workers that the run is for", idText, DEFAULT_POOL)
    .option("--wait-for-capacity", "accept tests that no known worker can run yet")
    .option("--in-place", "the workers use the folder itself: they are on this machine, or share it")
    .option("--workers <count>", "workers to start when there is no coordinator (default 2)", wholeNumber(1, 256))
    .action(
      cli.action<TestOptions>(async (invocation) => {
        const { lines, document, exitCode } = await testProject(invocation);
        invocation.screen.result(lines, document);
        return exitCode;
      }),
    );
}
