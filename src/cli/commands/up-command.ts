import type { Command } from "commander";
import { DEFAULT_POOL } from "../../contracts/index.ts";
import type { Cli, Invocation } from "../cli.ts";
import { dataDirOf } from "../data-folders.ts";
import { startEmbedded } from "../embedded.ts";
import type { ExitCode } from "../exit-codes.ts";
import { aborted } from "../interrupts.ts";
import { reportMatrix } from "../matrix-output.ts";
import { chosenModels, provenBackends } from "../matrix-plan.ts";
import { wholeNumber } from "../option-values.ts";
import { performRun } from "../perform-run.ts";
import type { RunSession } from "../perform-run.ts";
import { countText } from "../quantities.ts";
import { matrixTasks } from "../../planner/index.ts";
import { DEFAULT_WORKERS } from "../with-coordinator.ts";
import { DEFAULT_BATCH_SIZES } from "./matrix-command.ts";

const DEFAULT_PORT = 7777;
/** Half a minute on a small machine; `assay matrix` takes enough to claim a 95th percentile. */
const DEMO_ITERATIONS = 50;

interface Options {
  once?: boolean;
  port?: number;
  dataDir?: string;
  workers: number;
}

export function addUpCommand(program: Command, cli: Cli): void {
  cli
    .command(program, "up", "start a coordinator and workers here, measure the built-in models, and go on serving")
    .option("--once", "end after the measurement")
    .option(
      "--port <port>",
      `port of the coordinator; 0 takes a free one (default ${DEFAULT_PORT})`,
      wholeNumber(0, 65_535),
    )
    .option("--data-dir <folder>", "where everything is kept (ASSAY_DATA_DIR; default .assay)")
    .option("--workers <count>", "how many workers", wholeNumber(1, 256), DEFAULT_WORKERS)
    .action(cli.action<Options>(up));
}

async function up({ context, screen, options }: Invocation<Options>): Promise<ExitCode> {
  const { port, workers } = options;
  const dataDir = dataDirOf(options, context);
  screen.info(
    `starting a coordinator and ${countText(workers, "worker")}; each worker tries the hardware with a small model`,
  );
  const place = { dataDir, port: port ?? DEFAULT_PORT, anyPort: port === undefined };
  const embedded = await startEmbedded({ ...place, workers, context });
  try {
    screen.info(`coordinator at ${embedded.baseUrl}, data in ${dataDir}`);
    const baseUrl = options.once === true ? null : embedded.baseUrl;
    const session = { client: embedded.client, baseUrl, context, screen };
    const exitCode = await demo(session, dataDir);
    if (options.once === true || context.interrupts.signal.aborted) return exitCode;
    screen.info(
      `serving at ${embedded.baseUrl} until Ctrl-C; in another shell: npx assay run examples/first-suite.yaml`,
    );
    await aborted(context.interrupts.signal);
    screen.info("stopping; Ctrl-C again stops at once");
    return exitCode;
  } finally {
    await embedded.stop();
  }
}

/** Measures the built-in models on what this machine proved. */
async function demo(session: RunSession, dataDir: string): Promise<ExitCode> {
  const { backends } = await provenBackends(session.client, { pool: DEFAULT_POOL });
  const tasks = matrixTasks({
    models: chosenModels({}),
    backends,
    precisions: ["fp32"],
    batchSizes: DEFAULT_BATCH_SIZES,
    iterations: DEMO_ITERATIONS,
  });
  const ended = await performRun(session, { name: "demo", tasks });
  await reportMatrix(session, ended, { format: "text", dataDir });
  return ended.exitCode;
}
