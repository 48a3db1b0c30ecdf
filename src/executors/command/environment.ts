import { delimiter, dirname } from "node:path";
import type { CommandConfig } from "../../contracts/index.ts";
import type { ExecutionContext } from "../executor.ts";

/** What a command sees of the worker's environment. Tokens and cloud credentials of the worker are not among it. */
const PASSED_ON = new Set(["PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "SHELL"]);

/** Also marks every process of an attempt: its value is a folder that no other attempt has. */
export const WORK_DIR_VARIABLE = "ASSAY_WORK_DIR";

/** The environment of a command: the allowed part of the worker's, what the task adds, and where it runs. */
export function commandEnvironment(
  config: CommandConfig,
  context: Pick<ExecutionContext, "runId" | "taskId" | "attempt" | "hardware" | "env">,
  workDir: string,
): Record<string, string> {
  const passedOn = Object.entries(context.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (PASSED_ON.has(entry[0]) || entry[0].startsWith("LC_")),
  );
  return {
    PATH: fallbackPath(),
    ...Object.fromEntries(passedOn),
    ...config.env,
    ASSAY_RUN_ID: context.runId,
    ASSAY_TASK_ID: context.taskId,
    ASSAY_ATTEMPT: String(context.attempt),
    [WORK_DIR_VARIABLE]: workDir,
    ...(context.hardware === null ? {} : { ASSAY_HARDWARE: context.hardware }),
  };
}

/** Services are often started without a PATH. */
function fallbackPath(): string {
  return ["/usr/local/bin", "/usr/bin", "/bin", dirname(process.execPath)].join(delimiter);
}
