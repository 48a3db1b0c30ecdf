import { mkdtemp, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { Option } from "commander";
import { isoTime } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { Project } from "../../contracts/index.ts";
import { applyAdoption, loadProject, planAdoption, undoAdoption, unifiedDiff } from "../../planner/index.ts";
import type { AdoptedSuite, Adoption } from "../../planner/index.ts";
import type { Cli, Invocation } from "../cli.ts";
import type { CliContext } from "../context.ts";
import { dataDirOf } from "../data-folders.ts";
import { discoverSuites, placeOf } from "../discovered-suites.ts";
import type { DiscoveredSuite } from "../discovered-suites.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { findNeeds } from "../found-needs.ts";
import { countText } from "../quantities.ts";
import { harmless, paint, plain } from "../style.ts";
import type { Style } from "../style.ts";
import { verifyAdoption } from "../verify-adoption.ts";
import type { OutcomeDifference, VerifiedAdoption } from "../verify-adoption.ts";

interface Options {
  dryRun?: boolean;
  verify?: boolean;
  undo?: boolean;
}

export function addAdoptCommand(program: Command, cli: Cli): void {
  cli
    .command(program, "adopt", "write down what the tests of a project need: markers in their files, and assay.yaml")
    .argument("[folder]", "of the project; default: here")
    .option("--dry-run", "show what would change, and change nothing")
    .option("--verify", "run the tests of copies before and after; write only when every outcome is the same")
    .addOption(new Option("--undo", "take the last adoption back").conflicts(["dryRun", "verify"]))
    .action(cli.action<Options>(adoptCommand));
}

async function adoptCommand(invocation: Invocation<Options>): Promise<ExitCode> {
  const { args, options, context, screen } = invocation;
  const root = await folderOf(resolve(context.cwd, args[0] ?? "."));
  if (options.undo === true) {
    const restored = await undoAdoption(root);
    screen.result(() => restored.map((path) => `restored ${harmless(path)}`), { restored });
    return exitCodes.ok;
  }
  const project = await loadProject(root);
  const suites = await suitesWithTests(root, project, context);
  const adoption = await planned(root, { project, suites }, invocation);
  const diff = unifiedDiff(adoption.changes);
  if (!screen.json) screen.lines(diffLines(diff, screen.outStyle));
  const verified =
    options.verify === true && adoption.changes.length > 0
      ? await verifyAdoption({ root, project, suites, adoption }, invocation)
      : null;
  const isSame = verified === null || verified.differences.length === 0;
  const isWritten = isSame && options.dryRun !== true && adoption.changes.length > 0;
  if (isWritten) await applyAdoption(root, adoption.changes, isoTime(context.clock.nowMs()));
  screen.result(() => summary({ adoption, verified, isWritten }, screen.outStyle), {
    files: adoption.changes.map(({ path, before }) => ({ path, created: before === null })),
    diff,
    left_alone: adoption.leftAlone,
    possible: adoption.possible,
    verified,
    written: isWritten,
  });
  return isSame ? exitCodes.ok : exitCodes.testsFailed;
}

async function folderOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true) return realpath(path);
  throw assayError("no_tests_found", `${path} is ${found === null ? "not there" : "not a folder"}`, {
    next: "Give the folder of a project.",
  });
}

/** The suites that assay.yaml names, or those of which there are tests. */
async function suitesWithTests(root: string, project: Project, context: CliContext): Promise<DiscoveredSuite[]> {
  const found = await discoverSuites(
    { folder: root, project, only: [], given: [], dataDir: dataDirOf({}, context), detail: () => "names" },
    context,
  );
  if (project.suites.length > 0) return found;
  const suites = found.filter(({ discovery: { tests, problems } }) => tests.length > 0 || problems.length > 0);
  if (suites.length > 0) return suites;
  const names = found.map(({ suite }) => suite.framework).join(", ");
  throw assayError("no_tests_found", `${root} has no tests: ${names} found none`);
}

async function planned(
  root: string,
  { project, suites }: { project: Project; suites: readonly DiscoveredSuite[] },
  { context }: Invocation<Options>,
): Promise<Adoption> {
  const scratch = await mkdtemp(join(tmpdir(), "assay-adopt-"));
  try {
    const adopted: AdoptedSuite[] = [];
    for (const one of suites) {
      const place = placeOf(one.suite, { wish: { folder: root, given: [] }, scratch, context });
      adopted.push({ ...one, findings: await findNeeds(root, one, context), place });
    }
    return await planAdoption(root, project, adopted);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function diffLines(diff: string, style: Style): string[] {
  const colours = { "+": "green", "-": "red", "@": "cyan" } as const;
  return diff
    .replace(/\n$/, "")
    .split("\n")
    .filter((line, _index, lines) => line !== "" || lines.length > 1)
    .map((line) => {
      const safe = line.split("\t").map(harmless).join("\t").trimEnd();
      const colour = Object.entries(colours).find(([sign]) => line.startsWith(sign))?.[1];
      return colour === undefined ? safe : paint(style, colour, safe);
    });
}

interface Ended {
  adoption: Adoption;
  verified: VerifiedAdoption | null;
  isWritten: boolean;
}

function summary({ adoption, verified, isWritten }: Ended, style: Style): string[] {
  const { changes, leftAlone, possible } = adoption;
  const files = countText(changes.length, "file");
  return [
    ...leftAlone.map(({ file, reason }) => `left alone: ${harmless(file)}: ${harmless(reason)}`),
    ...possible.map(({ place, text }) => `not written, only possible: ${place}  ${harmless(text)}`),
    ...(verified === null ? [] : verdict(verified)),
    changes.length === 0
      ? "nothing to change: the files say what was found"
      : isWritten
        ? `${files} changed; \`assay adopt --undo\` takes it back`
        : `${files} would change; none was written`,
  ].map((line) => plain(style, line));
}

function verdict({ tests, differences, flaky, inherited }: VerifiedAdoption): string[] {
  const line = ({ framework, id, before, after }: OutcomeDifference): string =>
    `${framework} ${harmless(id)}: ${before} before, ${after} after`;
  return [
    ...inherited.map(({ framework, id }) => `inherits a marker: ${framework} ${harmless(id)}`),
    ...flaky.map((one) => `flaky: ${line(one)}`),
    ...differences.map((one) => `not the same: ${line(one)}`),
    differences.length === 0
      ? `verified: ${countText(tests, "test")}, the same outcomes before and after`
      : `not verified: ${countText(differences.length, "difference")}`,
  ];
}
