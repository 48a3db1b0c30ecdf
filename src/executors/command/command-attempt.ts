import type { ExecutionContext } from "../executor.ts";
import type { AttemptFolders } from "./attempt-folders.ts";
import type { AttemptLimits } from "../attempt-limits.ts";
import type { LiveOutput } from "./live-output.ts";

/** One attempt of a command: what it may use, where it runs, and what it is kept to. */
export interface CommandAttempt {
  context: ExecutionContext;
  folders: AttemptFolders;
  output: LiveOutput;
  limits: AttemptLimits;
}
