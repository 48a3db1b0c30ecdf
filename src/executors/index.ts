/**
 * executors: one folder per kind of task; each runs the tasks of some types and reports what became of them.
 *
 * Never: knows of leases, coordinators or results of other attempts; one kind never uses another.
 * May enter: worker, tab, cli.
 */
import type { TaskType } from "../contracts/index.ts";
import type { Platform } from "../platform/index.ts";
import { ApiExecutor } from "./api/api-executor.ts";
import { CommandExecutor } from "./command/command-executor.ts";
import type { Executor } from "./executor.ts";
import { HardwareExecutor } from "./hardware/hardware-executor.ts";
import type { BackendWish } from "./model/backends-to-try.ts";
import { ModelExecutor } from "./model/model-executor.ts";
import { SuiteExecutor } from "./suite/suite-executor.ts";

export { CommandExecutor } from "./command/command-executor.ts";
export type {
  AbortReason,
  ArtifactKind,
  ArtifactSource,
  ExecutionContext,
  ExecutionReport,
  Executor,
  ExecutorCapabilities,
  ProbeContext,
  ProgressReport,
  StoredBlob,
} from "./executor.ts";
export { bundleForBrowser } from "./model/browser/page-bundle.ts";
export { webRuntime } from "./model/browser/web-runtime.ts";
export type { DedicatedWorker } from "./model/tab/run-in-dedicated-worker.ts";
export { TabModelExecutor } from "./model/tab/tab-model-executor.ts";
export { bundleTabRun } from "./model/tab/tab-run-bundle.ts";
export { groupPrefix } from "./confinement.ts";
export { WORK_DIR_VARIABLE } from "./environment.ts";
export { backendFacts, backendNames } from "./model/backends/backend-names.ts";
export type { BackendName } from "./model/backends/backend-names.ts";
export { backendWishes, isWished } from "./model/backends-to-try.ts";
export type { BackendWish } from "./model/backends-to-try.ts";
export { abortReason, interruptedReport } from "./interruption.ts";

/** Every kind of executor that Assay has, or those of some types of task: a worker need not try what nobody will ask of it. */
export function createExecutors(options: {
  platform: Platform;
  backends?: readonly BackendWish[] | undefined;
  types?: readonly TaskType[] | undefined;
}): Executor[] {
  const { types } = options;
  const all = [
    new CommandExecutor(options),
    new SuiteExecutor(options),
    new ModelExecutor(options),
    new HardwareExecutor(options),
    new ApiExecutor(),
  ];
  return types === undefined ? all : all.filter((executor) => executor.types.some((type) => types.includes(type)));
}
