import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Option } from "commander";
import type { Command } from "commander";
import { stringify } from "yaml";
import { BUILT_IN_PREFIX, hardwarePlatforms } from "../../contracts/index.ts";
import type { Hardware, SubmitRunInput } from "../../contracts/index.ts";
import { backendFacts, backendNames } from "../../executors/index.ts";
import type { BackendName } from "../../executors/index.ts";
import { modelFacts } from "../../models/index.ts";
import { expandTemplate, pytestFile, vitestFile } from "../../planner/index.ts";
import type { GeneratedTask, GivenParameters, Target } from "../../planner/index.ts";
import { withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { idText, keyValue, numberList } from "../option-values.ts";
import { performRun } from "../perform-run.ts";
import { countText, durationText } from "../quantities.ts";
import { reportRun } from "../run-report.ts";
import { TemplateSource } from "../template-source.ts";
import { withCoordinator } from "../with-coordinator.ts";

const emitted = ["suite", "pytest", "vitest"] as const;

interface Options extends ConnectionOptions {
  model: string[];
  hardware?: Hardware[];
  backends?: BackendName[];
  batchSizes?: number[];
  template: string;
  set?: Record<string, string>;
  name?: string;
  submit?: boolean;
  emit?: (typeof emitted)[number];
  out: string;
}

export function addGenerateCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "generate", "make tests of models from a template"))
    .requiredOption("--model <names...>", "ids, aliases, folders or hub ids")
    .addOption(new Option("--hardware <names...>", "platforms; default: cpu").choices(hardwarePlatforms))
    .addOption(new Option("--backends <names...>", "or certain ways to run models").choices(backendNames))
    .option("--batch-sizes <numbers...>", "the same as --set batch_sizes=…", numberList)
    .option("--template <name>", "name, or name@version", "assay/benchmark")
    .option("--set <key=value>", "value of a parameter; of a list with commas", keyValue)
    .option("--name <name>", "name of the suite; default: that of the template", idText)
    .option("--submit", "run it and wait for its end")
    .addOption(new Option("--emit <what>", "write files: a suite, or one with a test file").choices(emitted))
    .option("--out <folder>", "where to write them", ".")
    .action(cli.action<Options>(generate));
}

async function generate(invocation: Invocation<Options>): Promise<ExitCode> {
  const { options, context, screen } = invocation;
  const source = new TemplateSource(invocation);
  const template = await source.whole(await source.own(options.template), options.template);
  const models = await Promise.all([...new Set(options.model)].map((name) => modelFacts(name, context)));
  const tasks = expandTemplate({ template, parameters: parametersOf(options), models, targets: targetsOf(options) });
  const suite = {
    name: options.name ?? template.name.replace(BUILT_IN_PREFIX, ""),
    tasks: tasks.map(({ task }) => task),
  };
  if (!screen.json) screen.info(estimateText(tasks));
  const files =
    options.emit === undefined ? [] : await writeFiles(suite, options.emit, resolve(context.cwd, options.out));
  if (options.submit === true) return submit(invocation, suite);
  const estimates = tasks.map(({ task, estimate: { memoryGb, seconds } }) => {
    return { task_id: task.task_id, memory_gb: memoryGb, seconds };
  });
  const lines = (): string[] => (files.length > 0 ? files : suiteText(suite).trimEnd().split("\n"));
  screen.result(lines, { suite, estimates, files });
  return exitCodes.ok;
}

function suiteText(suite: SubmitRunInput): string {
  return stringify(suite, { aliasDuplicateObjects: false });
}

function parametersOf({ set = {}, batchSizes }: Options): GivenParameters {
  return { ...set, ...(batchSizes === undefined ? {} : { batch_sizes: batchSizes.join(",") }) };
}

function targetsOf({ hardware, backends }: Options): Target[] {
  const named = (backends ?? []).map((backend) => ({ backend, hardware: backendFacts[backend].hardware }));
  const platforms = hardware ?? (backends === undefined ? ["cpu" as const] : []);
  return [...new Set(platforms)].map((one): Target => ({ hardware: one })).concat(named);
}

function estimateText(tasks: readonly GeneratedTask[]): string {
  const known = tasks.flatMap(({ estimate }) => (estimate.seconds === null ? [] : [estimate]));
  const seconds = known.reduce((sum, one) => sum + (one.seconds ?? 0), 0);
  const memory = Math.max(0, ...known.map((one) => one.memoryGb ?? 0));
  const rest = tasks.length > known.length ? `, ${countText(tasks.length - known.length, "task")} unknown` : "";
  return `${countText(tasks.length, "task")}, estimated: ${durationText(seconds)} one after the other, ${memory} GB at most${rest}`;
}

async function writeFiles(suite: SubmitRunInput, emit: (typeof emitted)[number], folder: string): Promise<string[]> {
  const base = suite.name.replaceAll(/[^A-Za-z0-9]+/g, "_");
  const suiteFile = `${base}.suite.yaml`;
  const tests = { suiteFile, taskIds: suite.tasks.map(({ task_id }) => task_id) };
  const contents: [string, string][] = [[suiteFile, suiteText(suite)]];
  if (emit === "vitest") contents.push([`${base}.test.mjs`, vitestFile(tests)]);
  if (emit === "pytest") contents.push([`test_${base}.py`, pytestFile(tests)]);
  await mkdir(folder, { recursive: true });
  for (const [name, content] of contents) await writeFile(join(folder, name), content);
  return contents.map(([name]) => join(folder, name));
}

function submit(invocation: Invocation<Options>, suite: SubmitRunInput): Promise<ExitCode> {
  const { backends } = invocation.options;
  const wishes = backends?.filter((one) => !one.startsWith("tab/")) as
    | Exclude<BackendName, `tab/${string}`>[]
    | undefined;
  return withCoordinator({ ...invocation, ...(wishes && { backends: wishes }) }, async (session) => {
    const ended = await performRun(session, suite);
    await reportRun(session, ended, { models: true, dataDir: session.embeddedDataDir });
    return ended.exitCode;
  });
}
