import { Option } from "commander";
import type { Command } from "commander";
import { assayError, DEFAULT_POOL, hardwarePlatforms, precisions } from "../../contracts/index.ts";
import type { TaskSpec } from "../../contracts/index.ts";
import { architectures } from "../../models/index.ts";
import { matrixTasks } from "../../planner/index.ts";
import { reportOfLatest } from "../../reports/index.ts";
import { matrixHistoryQuery, matrixRecords } from "../../results/index.ts";
import { backendsOption } from "../backends-option.ts";
import { withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { matrixFormats, MAX_RECORDS, printMatrix, reportMatrix } from "../matrix-output.ts";
import type { MatrixFormat } from "../matrix-output.ts";
import { chosenModels, chosenRecords, provenBackends } from "../matrix-plan.ts";
import type { BackendFilter, ModelChoice, PrecisionChoice } from "../matrix-plan.ts";
import { batchSize, idText, numberList, wholeNumber } from "../option-values.ts";
import { performRun } from "../perform-run.ts";
import { countText } from "../quantities.ts";
import { queryResults } from "../result-query.ts";
import { renderTable } from "../table.ts";
import { withCoordinator } from "../with-coordinator.ts";
import type { CoordinatorSession } from "../with-coordinator.ts";

/** Enough to claim a 95th percentile. */
const DEFAULT_ITERATIONS = 130;
export const DEFAULT_BATCH_SIZES: readonly number[] = [1, 4, 16];

interface Options extends ConnectionOptions, ModelChoice, PrecisionChoice, BackendFilter {
  all?: boolean;
  batchSizes?: number[];
  maxBatchSize?: number;
  iterations: number;
  detectOnly?: boolean;
  show?: boolean;
  format: MatrixFormat;
  name: string;
  pool: string;
}

export function addMatrixCommand(program: Command, cli: Cli): void {
  const iterations = "least number of timed iterations per batch size";
  withConnection(cli.command(program, "matrix", "measure models on every backend that the workers proved"))
    .option("--models <names...>", "ids, aliases, folders or hub ids; default: those that need no network")
    .addOption(new Option("--architectures <names...>", "all models of these architectures").choices(architectures))
    .option("--hub", "also the models of the catalogue that have to be fetched from the hub")
    .addOption(backendsOption("only these backends; workers started here try them"))
    .option("--all", "workers started here try every backend there is")
    .addOption(new Option("--hardware <names...>", "only backends of these platforms").choices(hardwarePlatforms))
    .addOption(new Option("--precisions <names...>", "default: fp32").choices(precisions))
    .option("--batch-sizes <numbers...>", `default: ${DEFAULT_BATCH_SIZES.join(",")}`, numberList)
    .option("--max-batch-size <count>", "look for the best and the largest up to this", batchSize)
    .option("--iterations <count>", iterations, wholeNumber(1, 1_000_000), DEFAULT_ITERATIONS)
    .option("--detect-only", "only say what would be measured")
    .option("--show", "measure nothing: show the latest that is known, and what changed")
    .addOption(new Option("--format <name>", "how to print it").choices(matrixFormats).default("text"))
    .option("--name <name>", "name of the run", "matrix")
    .option("--pool <name>", "pool of workers that the run is for", idText, DEFAULT_POOL)
    .action(
      cli.action<Options>((invocation) => {
        const { options } = invocation;
        if (options.show === true) return show(invocation);
        const models = chosenModels(options);
        const backends = options.all === true ? (["all"] as const) : options.backends;
        // Benchmarks have the machine for themselves, so a second worker would only try its backends once more.
        const workers = { pools: [options.pool], ...(backends && { backends }) };
        const start = { ...invocation, options: { ...options, workers: 1 }, ...workers };
        return withCoordinator(start, (session) => measure(session, invocation, models));
      }),
    );
}

async function measure(
  session: CoordinatorSession,
  { options }: Invocation<Options>,
  models: readonly string[],
): Promise<ExitCode> {
  const { batchSizes = DEFAULT_BATCH_SIZES, maxBatchSize, iterations, name, pool, format } = options;
  const { precisions: chosen = ["fp32"] } = options;
  const { backends, refused } = await provenBackends(session.client, options);
  if (refused.length > 0)
    session.screen.info(`tried and not proven: ${refused.join(", ")}; assay hardware --backends all says why`);
  const tasks = matrixTasks({ models, backends, precisions: chosen, batchSizes, maxBatchSize, iterations });
  if (options.detectOnly === true) return detectOnly(session, tasks);
  const ended = await performRun(session, { name, pool, tasks });
  await reportMatrix(session, ended, { format, dataDir: session.embeddedDataDir });
  return ended.exitCode;
}

/** The latest cells of the stored results. */
async function show(invocation: Invocation<Options>): Promise<ExitCode> {
  const { options, screen, context } = invocation;
  const answer = await queryResults(invocation, { sql: matrixHistoryQuery(), maxRows: MAX_RECORDS });
  const records = chosenRecords(matrixRecords(answer), options);
  if (records.length === 0) throw assayError("nothing_matched", "no result of a model on a backend matches");
  printMatrix(screen, reportOfLatest(records, { nowMs: context.clock.nowMs() }), options);
  return exitCodes.ok;
}

function detectOnly({ screen }: CoordinatorSession, tasks: readonly TaskSpec[]): ExitCode {
  const rows = tasks.map(({ task_id, requirements }) => [task_id, requirements.hardware?.join(" ") ?? ""]);
  const look = { style: screen.outStyle, width: screen.width };
  screen.result(() => renderTable([{ header: "TASK" }, { header: "HARDWARE" }], rows, look), { tasks });
  if (!screen.json) screen.info(`${countText(rows.length, "cell")} would be measured`);
  return exitCodes.ok;
}
