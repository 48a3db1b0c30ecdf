import { Option } from "commander";
import type { Command } from "commander";
import { hardwarePlatforms } from "../../contracts/index.ts";
import type { Hardware } from "../../contracts/index.ts";
import { architectures } from "../../models/index.ts";
import { matrixTasks } from "../../planner/index.ts";
import { withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { chosenModels, provenPlatforms } from "../matrix-plan.ts";
import type { ModelChoice } from "../matrix-plan.ts";
import { numberList, wholeNumber } from "../option-values.ts";
import { performRun } from "../perform-run.ts";
import { countText } from "../quantities.ts";
import { reportRun } from "../run-report.ts";
import { renderTable } from "../table.ts";
import { withCoordinator } from "../with-coordinator.ts";
import type { CoordinatorSession } from "../with-coordinator.ts";

/** Enough to claim a 95th percentile. */
const DEFAULT_ITERATIONS = 130;
export const DEFAULT_BATCH_SIZES: readonly number[] = [1, 4, 16];

interface Options extends ConnectionOptions, ModelChoice {
  hardware?: Hardware[];
  batchSizes?: number[];
  iterations: number;
  detectOnly?: boolean;
  name: string;
  workers?: number;
}

export function addMatrixCommand(program: Command, cli: Cli): void {
  const iterations = "least number of timed iterations per batch size";
  withConnection(cli.command(program, "matrix", "measure models on every platform that the workers proved"))
    .option("--models <names...>", "ids, aliases, folders or hub ids; default: the built-in models")
    .addOption(new Option("--architectures <names...>", "all models of these architectures").choices(architectures))
    .option("--all", "also models that have to be fetched from the hub")
    .addOption(new Option("--hardware <names...>", "only these platforms").choices(hardwarePlatforms))
    .option("--batch-sizes <numbers...>", `default: ${DEFAULT_BATCH_SIZES.join(",")}`, numberList)
    .option("--iterations <count>", iterations, wholeNumber(1, 1_000_000), DEFAULT_ITERATIONS)
    .option("--detect-only", "only say what would be measured")
    .option("--name <name>", "name of the run", "matrix")
    .option("--workers <count>", "workers to start when there is no coordinator (default 2)", wholeNumber(1, 256))
    .action(
      cli.action<Options>((invocation) => {
        const models = chosenModels(invocation.options);
        return withCoordinator(invocation, (session) => measure(session, invocation, models));
      }),
    );
}

async function measure(
  session: CoordinatorSession,
  { options }: Invocation<Options>,
  models: readonly string[],
): Promise<ExitCode> {
  const { batchSizes = DEFAULT_BATCH_SIZES, iterations, name, hardware: wanted } = options;
  const hardware = await provenPlatforms(session.client, wanted);
  if (options.detectOnly === true) return detectOnly(session, models, hardware);
  const tasks = matrixTasks({ models, hardware, batchSizes, iterations });
  const ended = await performRun(session, { name, tasks });
  await reportRun(session, ended, { models: true, tasks: false, dataDir: session.embeddedDataDir });
  return ended.exitCode;
}

function detectOnly(
  { screen }: CoordinatorSession,
  models: readonly string[],
  hardware: readonly Hardware[],
): ExitCode {
  const rows = models.flatMap((model) => hardware.map((platform) => [model, platform]));
  const look = { style: screen.outStyle, width: screen.width };
  screen.result(() => renderTable([{ header: "MODEL" }, { header: "HARDWARE" }], rows, look), { models, hardware });
  if (!screen.json) screen.info(`${countText(rows.length, "pair")} would be measured`);
  return exitCodes.ok;
}
