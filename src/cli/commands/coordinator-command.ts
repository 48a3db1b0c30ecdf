import { resolve } from "node:path";
import { Option } from "commander";
import type { Command } from "commander";
import { assayError } from "../../contracts/index.ts";
import { WATCH_DEFAULTS, startCoordinator } from "../../coordinator/index.ts";
import { openTabSite } from "../../tab/index.ts";
import type { Cli, Invocation } from "../cli.ts";
import { dataDirOf } from "../data-folders.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { aborted } from "../interrupts.ts";
import { logLevels, stderrLogger } from "../loggers.ts";
import type { LogLevel } from "../loggers.ts";
import { duration, wholeNumber } from "../option-values.ts";

interface Options {
  host: string;
  port: number;
  heartbeatInterval: number;
  workerTimeout: number;
  reconnectGrace: number;
  healthCheckInterval: number;
  dataDir?: string;
  tlsCert?: string;
  tlsKey?: string;
  logLevel: LogLevel;
}

export function addCoordinatorCommand(program: Command, cli: Cli): void {
  const { heartbeatIntervalMs, workerTimeoutMs: timeoutMs, reconnectGraceMs, healthCheckMs } = WATCH_DEFAULTS;
  cli
    .command(program, "coordinator", "start a coordinator that workers connect to")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <port>", "port to listen on; 0 takes a free one", wholeNumber(0, 65_535), 7777)
    .addOption(timeOption("--heartbeat-interval <time>", "how often workers report").default(heartbeatIntervalMs, "2s"))
    .addOption(timeOption("--worker-timeout <time>", "silence after which a worker is lost").default(timeoutMs, "10s"))
    .addOption(
      timeOption("--reconnect-grace <time>", "time in which a worker that was cut off must be back").default(
        reconnectGraceMs,
        "2s",
      ),
    )
    .addOption(
      timeOption("--health-check-interval <time>", "how often the health of an idle worker is checked").default(
        healthCheckMs,
        "30m",
      ),
    )
    .option("--data-dir <folder>", "where everything is kept (ASSAY_DATA_DIR; default .assay)")
    .option("--tls-cert <file>", "certificate (PEM), to serve HTTPS")
    .option("--tls-key <file>", "its private key (PEM)")
    .addOption(new Option("--log-level <level>", "what is logged on standard error").choices(logLevels).default("info"))
    .action(cli.action<Options>(coordinate));
}

function timeOption(flags: string, text: string): Option {
  return new Option(flags, text).argParser(duration);
}

async function coordinate({ context, screen, options }: Invocation<Options>): Promise<ExitCode> {
  const { heartbeatInterval, workerTimeout, reconnectGrace, healthCheckInterval, host, port } = options;
  const coordinator = await startCoordinator({
    dataDir: dataDirOf(options, context),
    host,
    port,
    tls: tlsFiles(options, context.cwd),
    heartbeatIntervalMs: heartbeatInterval,
    workerTimeoutMs: workerTimeout,
    reconnectGraceMs: reconnectGrace,
    healthCheckMs: healthCheckInterval,
    logger: stderrLogger(options.logLevel),
    joinSite: openTabSite(),
  });
  try {
    screen.result(() => [coordinator.url], { url: coordinator.url, admin_token_file: coordinator.adminTokenFile });
    screen.info(`coordinator at ${coordinator.url}; admin token in ${coordinator.adminTokenFile}`);
    screen.info("workers need a token of their own: assay token create --role worker");
    await aborted(context.interrupts.signal);
    screen.info("stopping; Ctrl-C again stops at once");
  } finally {
    await coordinator.stop();
  }
  return exitCodes.ok;
}

function tlsFiles({ tlsCert, tlsKey }: Options, cwd: string): { certFile: string; keyFile: string } | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) throw assayError("usage", "--tls-cert and --tls-key go together");
  return { certFile: resolve(cwd, tlsCert), keyFile: resolve(cwd, tlsKey) };
}
