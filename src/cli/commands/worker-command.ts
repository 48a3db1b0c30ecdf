import { availableParallelism, hostname } from "node:os";
import { join, resolve } from "node:path";
import { Option } from "commander";
import type { Command } from "commander";
import { faultError, workerActions } from "../../contracts/index.ts";
import type { HourlyPrice, Labels } from "../../contracts/index.ts";
import type { BackendWish } from "../../executors/index.ts";
import { backendsOption } from "../backends-option.ts";
import { withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import { requireConnection } from "../connection.ts";
import type { ConnectionOptions } from "../connection.ts";
import { dataDirOf } from "../data-folders.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { aborted } from "../interrupts.ts";
import { startLocalWorker } from "../local-worker.ts";
import { logLevels, stderrLogger } from "../loggers.ts";
import type { LogLevel } from "../loggers.ts";
import { duration, idList, keyValue, price, wholeNumber } from "../option-values.ts";
import { countText } from "../quantities.ts";
import { runSupervisor, supervisionOf, supervisorGone } from "../supervised.ts";
import type { Supervision } from "../../worker/index.ts";
import { addActionCommand } from "./worker-action-command.ts";
import { addQuarantineCommands } from "./worker-quarantine-command.ts";

interface Options extends ConnectionOptions {
  name?: string;
  slots?: number;
  label?: Labels;
  pool?: string[];
  pricePerHour?: HourlyPrice;
  backends?: BackendWish[];
  stopTimeout: number;
  supervise?: boolean;
  updateFrom?: string;
  updateTimeout: number;
  logLevel: LogLevel;
}

export function addWorkerCommand(program: Command, cli: Cli): void {
  const worker = withConnection(cli.command(program, "worker", "start a worker that executes tasks of a coordinator"))
    .option("--name <name>", "what people call it; default: the name of this machine")
    .option("--slots <count>", "most tasks at the same time; default: the usable cores", wholeNumber(1, 4_000))
    .option("--label <key=value>", "label that tasks can ask for; may be given several times", keyValue)
    .option("--pool <name>", "take work of this pool; may be given several times (default: default)", idList)
    .option("--price-per-hour <amount>", "what an hour of this machine costs: 0.35, or 0.35EUR (default: USD)", price)
    .addOption(backendsOption())
    .addOption(
      new Option("--stop-timeout <time>", "after Ctrl-C, how long running tasks may take to end")
        .argParser(duration)
        .default(30_000, "30s"),
    )
    .option("--supervise", "start the worker anew when it crashes, and when it is asked to restart or to update")
    .option("--update-from <folder>", "where updates come from: <version>/ or *-<version>.tgz; default: npm's registry")
    .addOption(
      new Option("--update-timeout <time>", "how long a new version may take to connect before the old one is back")
        .argParser(duration)
        .default(60_000, "1m"),
    )
    .addOption(new Option("--log-level <level>", "what is logged on standard error").choices(logLevels).default("warn"))
    .enablePositionalOptions()
    .action(cli.action<Options>(start));
  for (const action of workerActions) addActionCommand(worker, cli, action);
  addQuarantineCommands(worker, cli);
}

/** Starts the worker here, or with `--supervise` in processes of their own. */
function start(invocation: Invocation<Options>): Promise<ExitCode> {
  const { context, options } = invocation;
  const name = options.name ?? plainName(hostname());
  const dataDir = join(dataDirOf(options, context), "workers", name);
  const source = options.updateFrom === undefined ? null : resolve(context.cwd, options.updateFrom);
  const supervision = supervisionOf(context, { dataDir, source });
  if (options.supervise === true && supervision === null) return oversee(invocation, dataDir);
  return work(invocation, { name, dataDir, supervision });
}

async function oversee({ context, options }: Invocation<Options>, dataDir: string): Promise<ExitCode> {
  const logger = stderrLogger(options.logLevel);
  const code = await runSupervisor(context, { dataDir, healthyWithinMs: options.updateTimeout, logger });
  return Object.values(exitCodes).find((one) => one === code) ?? exitCodes.infrastructure;
}

interface Place {
  name: string;
  dataDir: string;
  supervision: Supervision | null;
}

async function work({ context, screen, options }: Invocation<Options>, place: Place): Promise<ExitCode> {
  const { baseUrl, token } = await requireConnection(options, context);
  const { name, dataDir, supervision } = place;
  screen.info("trying the hardware with a small model");
  const worker = await startLocalWorker({
    coordinatorUrl: baseUrl,
    token,
    name,
    slots: options.slots ?? availableParallelism(),
    labels: options.label ?? {},
    pools: options.pool,
    price: options.pricePerHour,
    backends: options.backends,
    dataDir,
    supervision: supervision ?? undefined,
    env: context.env,
    logger: stderrLogger(options.logLevel),
  });
  const { workerId, capabilities } = worker;
  const proven = capabilities.hardware.join(", ") || "no platform";
  const document = { worker_id: workerId, name, coordinator: baseUrl, hardware: capabilities.hardware };
  screen.result(() => [`worker ${workerId} (${name}) proved ${proven}; works for ${baseUrl}`], document);
  void worker.drained.then(() => {
    if (worker.endsBy === null && !context.interrupts.signal.aborted)
      screen.info("drained: it takes nothing new and stays connected until it is stopped or restarted");
  });
  const first = await Promise.race([
    worker.ended.then((fault) => ({ fault })),
    aborted(context.interrupts.signal).then(() => "interrupted" as const),
    ...(supervision === null ? [] : [supervisorGone().then(() => "abandoned" as const)]),
  ]);
  if (first === "interrupted") screen.info(drainText(worker.status.running));
  await worker.stop({ deadlineMs: first === "abandoned" ? 0 : options.stopTimeout });
  if (typeof first === "object" && first.fault !== null) throw faultError(first.fault);
  return worker.endsBy === "restart" ? exitCodes.restart : exitCodes.ok;
}

function drainText(running: number): string {
  const rest = running === 0 ? "nothing runs" : `waiting for ${countText(running, "running task")}`;
  return `taking nothing new, ${rest}; Ctrl-C again stops at once`;
}

/** A host name as a name of a worker. */
function plainName(host: string): string {
  return host.replaceAll(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "worker";
}
