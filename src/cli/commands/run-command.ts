import { resolve } from "node:path";
import type { Command } from "commander";
import { AssayError } from "../../base/index.ts";
import { createClient } from "../../client/index.ts";
import type { Client } from "../../client/index.ts";
import { assayError, DEFAULT_POOL } from "../../contracts/index.ts";
import type { SubmitRunInput, TaskType } from "../../contracts/index.ts";
import { commandTask, loadSuite, locateError, tasksOfTypes } from "../../planner/index.ts";
import { withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import { requireConnection } from "../connection.ts";
import type { ConnectionOptions } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { idText, taskTypeList, wholeNumber } from "../option-values.ts";
import { performRun, runUrl, submitRun } from "../perform-run.ts";
import { reportRun } from "../run-report.ts";
import { withCoordinator } from "../with-coordinator.ts";
import type { CoordinatorSession } from "../with-coordinator.ts";

/** Workers without which a run is not distributed. */
const LEAST_DISTRIBUTED = 2;

interface Options extends ConnectionOptions {
  command?: string;
  cwd?: string;
  name?: string;
  pool?: string;
  testType?: TaskType[];
  distributed?: boolean;
  waitForCapacity?: boolean;
  detach?: boolean;
  workers?: number;
}

export function addRunCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "run", "run a suite, or one command, and wait for its end"))
    .argument("[suite]", "suite file (YAML or JSON)")
    .option("--command <line>", "run this shell line instead of a suite")
    .option(
      "--cwd <folder>",
      "where --command runs on the worker; default: a new folder, or here when nothing runs elsewhere",
    )
    .option("--name <name>", "name of the run; default: that of the suite")
    .option("--pool <name>", "pool of workers that the run is for; default: that of the suite", idText)
    .option(
      "--test-type <type>",
      "only tasks of this type, and what they wait for; may be given several times",
      taskTypeList,
    )
    .option("--distributed", "refuse to run with fewer than two workers")
    .option("--wait-for-capacity", "accept tasks that no known worker can run yet")
    .option("--detach", "submit and do not wait")
    .option(
      "--worker-count, --workers <count>",
      "workers to start when there is no coordinator (default 2)",
      wholeNumber(1, 256),
    )
    .action(cli.action<Options>(runCommand));
}

async function runCommand(invocation: Invocation<Options>): Promise<ExitCode> {
  const { args, options } = invocation;
  if ((args[0] === undefined) === (options.command === undefined)) {
    throw assayError("usage", "give either a suite file or --command", { next: "See `assay run --help`." });
  }
  if (options.command !== undefined && options.testType !== undefined) {
    throw assayError("usage", "--test-type chooses tasks of a suite, and --command has none", {
      next: "Leave one of them out.",
    });
  }
  const planned = await plan(invocation);
  try {
    if (options.detach === true) return await detach(invocation, planned);
    const pools = [planned.pool];
    return await withCoordinator({ ...invocation, pools }, async (session) => {
      if (options.distributed === true) await requireSeveralWorkers(session.client, planned.pool);
      return execute(session, planned);
    });
  } catch (error) {
    throw error instanceof AssayError ? planned.located(error) : error;
  }
}

/** What is submitted, and how its errors are told. */
interface Plan {
  /** A worker in this process sees the caller's files. */
  request: (embeddedDataDir: string | undefined) => SubmitRunInput;
  models: boolean;
  pool: string;
  located: (error: AssayError) => AssayError;
}

async function plan({ args: [file], options, context }: Invocation<Options>): Promise<Plan> {
  const { name, waitForCapacity = false } = options;
  const pool = options.pool ?? DEFAULT_POOL;
  if (options.command !== undefined) {
    const line = options.command;
    const given = options.cwd === undefined ? undefined : resolve(context.cwd, options.cwd);
    const request = (embeddedDataDir: string | undefined): SubmitRunInput => ({
      name: name ?? "command",
      pool,
      wait_for_capacity: waitForCapacity,
      tasks: [commandTask(line, { cwd: given ?? (embeddedDataDir === undefined ? undefined : context.cwd) })],
    });
    return { request, models: false, pool, located: (error) => error };
  }
  const whole = await loadSuite(file ?? "", context);
  const loaded = options.testType === undefined ? whole : tasksOfTypes(whole, options.testType);
  const { submission } = loaded;
  const suitePool = options.pool ?? submission.pool ?? DEFAULT_POOL;
  return {
    request: () => ({
      ...submission,
      name: name ?? submission.name,
      pool: suitePool,
      wait_for_capacity: waitForCapacity || (submission.wait_for_capacity ?? false),
    }),
    pool: suitePool,
    models: loaded.suite.tasks.some(({ type }) => type === "model" || type === "benchmark"),
    located: (error) => locateError(error, loaded),
  };
}

async function execute(session: CoordinatorSession, { request, models }: Plan): Promise<ExitCode> {
  const ended = await performRun(session, request(session.embeddedDataDir));
  await reportRun(session, ended, { models, dataDir: session.embeddedDataDir });
  return ended.exitCode;
}

async function detach({ options, context, screen }: Invocation<Options>, { request, pool }: Plan): Promise<ExitCode> {
  const { baseUrl, token } = await requireConnection(options, context);
  const session = { client: createClient({ baseUrl, token }), baseUrl, context, screen };
  if (options.distributed === true) await requireSeveralWorkers(session.client, pool);
  const submitted = await submitRun(session, request(undefined));
  screen.result(() => [submitted.run_id], { ...submitted, url: runUrl(baseUrl, submitted.run_id) });
  return exitCodes.ok;
}

/** Error: too_few_workers. */
async function requireSeveralWorkers(client: Client, pool: string): Promise<void> {
  let count = 0;
  for await (const { capabilities } of client.workers({ status: "ready" }))
    if (capabilities.pools.includes(pool)) count += 1;
  if (count >= LEAST_DISTRIBUTED) return;
  throw assayError(
    "too_few_workers",
    `the pool ${pool} has ${count === 1 ? "one worker that is" : "no workers that are"} ready`,
  );
}
