import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../../base/index.ts";
import { canonicalJson, memoized } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { SuiteConfig } from "../../contracts/index.ts";
import type { Platform } from "../../platform/index.ts";
import { Workspaces } from "../../workspace/index.ts";
import type { RunLine, TakenWorkspace } from "../../workspace/index.ts";
import type { ExecutionContext } from "../executor.ts";
import { PROBE_TIMEOUT_MS, runHelper } from "../run-helper.ts";
import { SuiteProcesses } from "./suite-processes.ts";

/** What decides how set-up steps run, besides the suite. */
export interface StepSurroundings {
  platform: Platform;
  /** Whether control groups work here. */
  groups: boolean;
  /** Of the framework and its tests too. */
  env: Readonly<Record<string, string>>;
}

/** The folders in which suites run: those that are there, and those that are made of snapshots. */
export class SuiteWorkspaces {
  private readonly clock: Clock;
  /** By the folder of their cache: a worker has one. */
  private readonly made = new Map<string, Workspaces>();
  private readonly versions = new Map<string, () => Promise<string[]>>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Errors: workspace_incomplete, workspace_refused, setup_step_failed. */
  async take(config: SuiteConfig, context: ExecutionContext, surroundings: StepSurroundings): Promise<TakenWorkspace> {
    const taken = await this.folderFor(config, context, surroundings);
    const where = join(taken.folder, config.directory);
    const found = await stat(where).catch(() => undefined);
    if (found?.isDirectory() === true) return taken;
    taken.release();
    throw assayError("workspace_incomplete", `${where} is not a folder on this worker`, {
      next: "Ship the folder, or run the tests on workers that have it.",
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.made.values()].map((one) => one.close()));
  }

  private async folderFor(
    { workspace, directory, setup, env }: SuiteConfig,
    context: ExecutionContext,
    surroundings: StepSurroundings,
  ): Promise<TakenWorkspace> {
    if ("folder" in workspace) return { folder: workspace.folder, release: () => {} };
    const { cacheDir, runId, signal } = context;
    const workspaces = this.made.get(cacheDir) ?? new Workspaces({ cacheDir, clock: this.clock });
    this.made.set(cacheDir, workspaces);
    return workspaces.take({
      root: workspace.root,
      runId,
      directory,
      setup,
      surroundings: setup.length === 0 ? "" : canonicalJson({ env, machine: await this.machine(surroundings.env) }),
      source: context,
      run: stepRunner(context, surroundings),
      log: (text) => context.log("stdout", text),
      signal,
    });
  }

  /** What is installed for one class of machine is of no use on another. */
  private async machine(env: StepSurroundings["env"]): Promise<string[]> {
    const path = env["PATH"] ?? "";
    const versions = this.versions.get(path) ?? memoized(() => versionsOf(env));
    this.versions.set(path, versions);
    return [process.platform, process.arch, ...(await versions())];
  }
}

function versionsOf(env: StepSurroundings["env"]): Promise<string[]> {
  return Promise.all(
    ["node", "python3"].map(async (program) => {
      const { stdout } = await runHelper([program, "--version"], { env, timeoutMs: PROBE_TIMEOUT_MS });
      return `${program} ${stdout.trim()}`;
    }),
  );
}

/** Runs steps as frameworks are run. */
function stepRunner(context: ExecutionContext, { platform, groups, env }: StepSurroundings): RunLine {
  return async (line, folder) => {
    const { cacheDir, clock, signal } = context;
    const place = { folder: dirname(context.workDir), env, cacheDir, platform, groups, clock };
    const processes = await SuiteProcesses.create(place);
    const stop = (): void => void processes.kill();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const step = await processes.start(["/bin/sh", "-c", line], { cwd: folder });
      if (signal.aborted) stop();
      step.commands.end();
      step.events.resume();
      const { exitCode, signal: killedBy } = await step.exited;
      const tail = await step.tail();
      context.log("stdout", tail);
      const exceeded = processes.exceeded();
      return { exitCode, signal: killedBy, tail: exceeded === undefined ? tail : `${tail}\n${exceeded}` };
    } finally {
      signal.removeEventListener("abort", stop);
      await processes.remove();
    }
  };
}
