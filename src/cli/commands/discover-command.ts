import { resolve } from "node:path";
import type { Command } from "commander";
import { Option } from "commander";
import { frameworkNames } from "../../contracts/index.ts";
import type { FrameworkName } from "../../contracts/index.ts";
import { loadProject, withNeeds } from "../../planner/index.ts";
import type { Cli, Invocation } from "../cli.ts";
import { discoverSuites } from "../discovered-suites.ts";
import type { DiscoveredSuite } from "../discovered-suites.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { countText } from "../quantities.ts";
import { harmless } from "../style.ts";

interface Options {
  framework?: FrameworkName[];
}

export function frameworkOption(): Option {
  return new Option("--framework <names...>", "only tests of these").choices(frameworkNames);
}

export function addDiscoverCommand(program: Command, cli: Cli): void {
  cli
    .command(program, "discover", "list the tests of a project, as their frameworks name them")
    .usage("[options] [folder] [-- arguments of the framework]")
    .argument("[folder]", "of the project; default: here")
    .argument("[arguments...]", "for the framework, after --")
    .addOption(frameworkOption())
    .action(cli.action<Options>(discoverCommand));
}

async function discoverCommand(invocation: Invocation<Options>): Promise<ExitCode> {
  const { args, passedOn, options, context, screen } = invocation;
  const folder = resolve(context.cwd, args[0] ?? ".");
  const project = await loadProject(folder);
  const wish = { folder, project, only: options.framework ?? [], given: passedOn, detail: () => "names" as const };
  const suites = await discoverSuites(wish, context);
  screen.result(() => suites.flatMap(lines), { suites: suites.map(documentOf) });
  return suites.some(({ discovery }) => discovery.problems.length > 0) ? exitCodes.testsFailed : exitCodes.ok;
}

function lines({ suite, clue, discovery }: DiscoveredSuite): string[] {
  const { tests, problems, version } = discovery;
  const files = new Set(tests.map(({ file }) => file)).size;
  const why = clue === null ? "assay.yaml" : `${clue.file}: ${clue.reason}`;
  return [
    `${suite.framework}${version === null ? "" : ` ${version}`} in ${suite.directory} (${why}): ${countText(tests.length, "test")} in ${countText(files, "file")}`,
    ...tests.map(({ id, skip }) => `  ${harmless(id)}${skip === undefined ? "" : `  – skipped: ${harmless(skip)}`}`),
    ...problems.flatMap(({ file, message }) => [
      `  ! ${file ?? "?"}`,
      ...message.split("\n").map((line) => `    ${harmless(line)}`),
    ]),
  ];
}

function documentOf({ suite, clue, discovery }: DiscoveredSuite): unknown {
  const { framework, version, problems, tests } = discovery;
  return {
    framework,
    version,
    directory: suite.directory,
    clue,
    tests: withNeeds(suite, tests).map(({ test, needs }) => ({
      id: test.id,
      file: test.file,
      line: test.line ?? null,
      tags: test.tags,
      skip: test.skip ?? null,
      together: needs.together ?? null,
      requirements: needs.requirements,
      resources: needs.resources,
    })),
    problems,
  };
}
