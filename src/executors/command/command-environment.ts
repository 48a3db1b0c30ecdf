import type { CommandConfig, GpuCapability } from "../../contracts/index.ts";
import { allowedEnvironment, gpuEnvironment, WORK_DIR_VARIABLE } from "../environment.ts";
import type { ExecutionContext } from "../executor.ts";

/** What is known where the command runs. */
interface Place {
  workDir: string;
  progressFile: string;
  checkpointDir: string;
  /** The GPUs of the machine. */
  gpus: readonly GpuCapability[];
}

/** The environment of a command: the allowed part of the worker's, what the task adds, and what was given to the attempt. */
export function commandEnvironment(
  config: CommandConfig,
  context: Pick<ExecutionContext, "runId" | "taskId" | "attempt" | "hardware" | "gpus" | "peers" | "env">,
  { workDir, progressFile, checkpointDir, gpus }: Place,
): Record<string, string> {
  return {
    ...allowedEnvironment(context.env),
    ...config.env,
    ASSAY_RUN_ID: context.runId,
    ASSAY_TASK_ID: context.taskId,
    ASSAY_ATTEMPT: String(context.attempt),
    [WORK_DIR_VARIABLE]: workDir,
    ASSAY_PROGRESS_FILE: progressFile,
    ASSAY_CHECKPOINT_DIR: checkpointDir,
    ...(context.hardware === null ? {} : { ASSAY_HARDWARE: context.hardware }),
    ...(context.peers.length === 0 ? {} : { ASSAY_PEERS: JSON.stringify(context.peers) }),
    ...gpuEnvironment(context.gpus, gpus),
  };
}
