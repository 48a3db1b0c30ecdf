import { resolve } from "node:path";
import type { Command } from "commander";
import { Option } from "commander";
import { frameworkNames } from "../../contracts/index.ts";
import type { FrameworkName } from "../../contracts/index.ts";
import { loadProject, withNeeds } from "../../planner/index.ts";
import type { NeedFinding } from "../../planner/index.ts";
import type { Cli, Invocation } from "../cli.ts";
import { dataDirOf } from "../data-folders.ts";
import { chainLines, choiceByChange, choiceDocument, choiceLines, chosenSuites } from "../change-lines.ts";
import type { ChangeChoice } from "../change-lines.ts";
import { discoverSuites } from "../discovered-suites.ts";
import type { DiscoveredSuite } from "../discovered-suites.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { findNeeds } from "../found-needs.ts";
import { needDocument, needLines } from "../need-lines.ts";
import { countText } from "../quantities.ts";
import { harmless } from "../style.ts";

interface Options {
  framework?: FrameworkName[];
  changedSince?: string;
}

export function frameworkOption(): Option {
  return new Option("--framework <names...>", "only tests of these").choices(frameworkNames);
}

export function changedSinceOption(): Option {
  return new Option("--changed-since <commit>", "only tests that what changed since this commit may concern");
}

/** A suite, and what the text of its tests says that they need. */
interface Known extends DiscoveredSuite {
  findings: readonly NeedFinding[];
}

export function addDiscoverCommand(program: Command, cli: Cli): void {
  cli
    .command(program, "discover", "list the tests of a project, as their frameworks name them")
    .usage("[options] [folder] [-- arguments of the framework]")
    .argument("[folder]", "of the project; default: here")
    .argument("[arguments...]", "for the framework, after --")
    .addOption(frameworkOption())
    .addOption(changedSinceOption())
    .action(cli.action<Options>(discoverCommand));
}

async function discoverCommand(invocation: Invocation<Options>): Promise<ExitCode> {
  const { args, passedOn, options, context, screen } = invocation;
  const folder = resolve(context.cwd, args[0] ?? ".");
  const project = await loadProject(folder);
  const detail = () => "names" as const;
  const dataDir = dataDirOf({}, context);
  const wish = { folder, project, only: options.framework ?? [], given: passedOn, dataDir, detail };
  const all = await discoverSuites(wish, context);
  const { changedSince } = options;
  const choice =
    changedSince === undefined ? null : await choiceByChange(folder, changedSince, { suites: all, context });
  const suites: Known[] = [];
  for (const one of choice === null ? all : chosenSuites(choice)) {
    suites.push({ ...one, findings: await findNeeds(folder, one, context) });
  }
  screen.result(() => [...suites.flatMap(lines), ...changeLines(choice)], {
    suites: suites.map(documentOf),
    changes: choice === null ? null : choiceDocument(choice),
  });
  return suites.some(({ discovery }) => discovery.problems.length > 0) ? exitCodes.testsFailed : exitCodes.ok;
}

function changeLines(choice: ChangeChoice | null): string[] {
  return choice === null ? [] : [...choiceLines(choice), ...chainLines(choice)];
}

function lines({ suite, clue, discovery, findings }: Known): string[] {
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
    ...needLines(findings),
  ];
}

function documentOf({ suite, clue, discovery, findings }: Known): unknown {
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
    needs_by_text: findings.map(needDocument),
  };
}
