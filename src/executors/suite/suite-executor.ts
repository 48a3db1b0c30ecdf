import { dirname, join } from "node:path";
import { assert, systemClock } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { GpuCapability, SuiteConfig, TaskSpec } from "../../contracts/index.ts";
import type { Framework } from "../../frameworks/index.ts";
import { frameworks, PlainStarter } from "../../frameworks/index.ts";
import type { Platform } from "../../platform/index.ts";
import { allowedEnvironment, gpuEnvironment } from "../environment.ts";
import type { ExecutionContext, ExecutionReport, Executor, ExecutorCapabilities, ProbeContext } from "../executor.ts";
import { abortReason, interruptedReport } from "../interruption.ts";
import { BatchRun } from "./batch-run.ts";
import { SuiteLog } from "./suite-log.ts";
import { SuiteProcesses } from "./suite-processes.ts";
import { suiteReport } from "./suite-report.ts";
import { SuiteWorkspaces } from "./suite-workspaces.ts";
import { endSession, WarmSessions } from "./warm-sessions.ts";
import type { WarmSession } from "./warm-sessions.ts";

/** What all processes of an attempt share. */
interface SuitePlace {
  framework: Framework;
  config: SuiteConfig;
  /** Where the framework runs. */
  folder: string;
  env: Record<string, string>;
  key: string;
}

/**
 * Runs tasks of type `suite`: some tests of a framework, told one by one. The process that ran them is kept for the next task of the run
 * that needs the same one; no two attempts use it at the same time.
 */
export class SuiteExecutor implements Executor {
  readonly types = ["suite"] as const;
  private readonly platform: Platform;
  private readonly sessions = new WarmSessions(systemClock);
  private readonly workspaces = new SuiteWorkspaces(systemClock);
  private gpus: readonly GpuCapability[] = [];
  private groups = false;

  constructor(options: { platform: Platform }) {
    this.platform = options.platform;
  }

  async capabilities({ facts, env, cacheDir }: ProbeContext): Promise<ExecutorCapabilities> {
    this.gpus = facts.gpus;
    this.groups = (this.platform.controlGroups?.probe() ?? []).length > 0;
    const place = { folder: dirname(cacheDir), starter: new PlainStarter(suiteEnvironment(env)) };
    const installed = await Promise.all(
      [...frameworks.values()].map(async (one) => (await one.installed?.(place)) ?? {}),
    );
    return { hardware: ["cpu"], runtimes: [], software: Object.assign({}, ...installed) as Record<string, string> };
  }

  async execute(spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport> {
    assert(spec.type === "suite", `a suite executor was given a ${spec.type} task`);
    const { config } = spec;
    const framework = frameworks.get(config.framework);
    if (framework === undefined)
      throw assayError("framework_missing", `this worker's version of Assay does not speak to ${config.framework}`, {
        next: "Update the worker.",
      });
    const env = { ...suiteEnvironment(context.env), ...config.env };
    const surroundings = { platform: this.platform, groups: this.groups, env };
    const workspace = await this.workspaces.take(config, context, surroundings);
    try {
      return await this.run(this.placeOf({ framework, config, env }, workspace.folder, context), context);
    } finally {
      workspace.release();
    }
  }

  async close(): Promise<void> {
    await this.sessions.close();
    await this.workspaces.close();
  }

  private async run(place: SuitePlace, context: ExecutionContext): Promise<ExecutionReport> {
    const { config } = place;
    const stopped = abortReason(context.signal);
    if (stopped !== undefined) return interruptedReport(stopped);
    const startedMs = context.clock.monotonicMs();
    const log = await SuiteLog.create(place, context);
    try {
      const run = this.batchRun(place, context, log);
      await run.run();
      await log.close();
      return suiteReport({
        config,
        tests: log.tests,
        recovery: run.recovery,
        signal: context.signal,
        durationSeconds: (context.clock.monotonicMs() - startedMs) / 1000,
        missingArtifacts: log.missingArtifacts,
        outputTail: log.tail(),
      });
    } catch (error) {
      const reason = abortReason(context.signal);
      if (reason !== undefined) return interruptedReport(reason);
      throw error;
    } finally {
      await log.close();
    }
  }

  private batchRun(place: SuitePlace, context: ExecutionContext, log: SuiteLog): BatchRun {
    const { config, key } = place;
    const limit = config.test_timeout_seconds;
    return new BatchRun({
      tests: config.tests,
      testTimeoutMs: limit === undefined ? undefined : limit * 1000,
      context,
      open: async ({ fresh }) => {
        const warm = (fresh ? undefined : this.sessions.take(key)) ?? (await this.open(place, context));
        await warm.processes.output.truncate(0);
        return warm;
      },
      done: async (warm) => {
        await log.keepOutput(warm.processes.output);
        this.sessions.give(key, warm);
      },
      ended: async (warm) => {
        await log.keepOutput(warm.processes.output);
        await endSession(warm);
      },
      onResult: (result) => log.add(result),
      onAttachment: (attachment) => log.attach(attachment),
    });
  }

  private async open({ framework, config, folder, env }: SuitePlace, context: ExecutionContext): Promise<WarmSession> {
    const processes = await SuiteProcesses.create({
      // Beside the folders of attempts: a process outlives the attempt that started it.
      folder: dirname(context.workDir),
      env,
      cacheDir: context.cacheDir,
      platform: this.platform,
      groups: this.groups,
      clock: context.clock,
    });
    try {
      const session = await framework.open({
        folder,
        arguments: config.arguments,
        starter: processes,
        scratch: processes.folder,
        signal: context.signal,
        retries: config.retries,
        watch: config.watch,
        requireReal: config.require_real,
        ...(config.command === undefined ? {} : { command: config.command }),
      });
      return { session, processes };
    } catch (error) {
      await processes.remove();
      throw error;
    }
  }

  private placeOf(
    { framework, config, env: own }: Pick<SuitePlace, "framework" | "config" | "env">,
    workspace: string,
    context: ExecutionContext,
  ): SuitePlace {
    const folder = join(workspace, config.directory);
    const env = { ...own, ...gpuEnvironment(context.gpus, this.gpus) };
    const { arguments: given, retries, watch, require_real, command } = config;
    // A folder may be changed between two runs, and a process keeps what it loaded.
    const same = { run: context.runId, framework: config.framework, folder, env, given, retries, watch };
    return { framework, config, folder, env, key: JSON.stringify({ ...same, require_real, command }) };
  }
}

/** What tests see of the worker's environment: no more than commands do, and which environment of Python is active. */
function suiteEnvironment(env: ExecutionContext["env"]): Record<string, string> {
  const active = env["VIRTUAL_ENV"];
  return { ...allowedEnvironment(env), ...(active === undefined ? {} : { VIRTUAL_ENV: active }) };
}
