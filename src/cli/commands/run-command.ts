import { resolve } from "node:path";
import type { Command } from "commander";
import { AssayError } from "../../base/index.ts";
import { createClient } from "../../client/index.ts";
import { assayError, DEFAULT_POOL } from "../../contracts/index.ts";
import type { SubmitRunInput } from "../../contracts/index.ts";
import { commandTask, loadSuite, locateError } from "../../planner/index.ts";
import { withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import { requireConnection } from "../connection.ts";
import type { ConnectionOptions } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { idText, wholeNumber } from "../option-values.ts";
import { performRun, runUrl, submitRun } from "../perform-run.ts";
import { reportRun } from "../run-report.ts";
import { withCoordinator } from "../with-coordinator.ts";
import type { CoordinatorSession } from "../with-coordinator.ts";

interface Options extends ConnectionOptions {
  command?: string;
  cwd?: string;
  name?: string;
  pool?: string;
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
    .option("--wait-for-capacity", "accept tasks that no known worker can run yet")
    .option("--detach", "submit and do not wait")
    .option("--workers <count>", "workers to start when there is no coordinator (default 2)", wholeNumber(1, 256))
    .action(cli.action<Options>(runCommand));
}

async function runCommand(invocation: Invocation<Options>): Promise<ExitCode> {
  const { args, options } = invocation;
  if ((args[0] === undefined) === (options.command === undefined)) {
    throw assayError("usage", "give either a suite file or --command", { next: "See `assay run --help`." });
  }
  const planned = await plan(invocation);
  try {
    if (options.detach === true) return await detach(invocation, planned);
    const pools = [planned.pool];
    return await withCoordinator({ ...invocation, pools }, (session) => execute(session, planned));
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
  const loaded = await loadSuite(file ?? "", context);
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

async function detach({ options, context, screen }: Invocation<Options>, { request }: Plan): Promise<ExitCode> {
  const { baseUrl, token } = await requireConnection(options, context);
  const session = { client: createClient({ baseUrl, token }), baseUrl, context, screen };
  const submitted = await submitRun(session, request(undefined));
  screen.result(() => [submitted.run_id], { ...submitted, url: runUrl(baseUrl, submitted.run_id) });
  return exitCodes.ok;
}
