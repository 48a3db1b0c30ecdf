import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Starts a module beside this one as a child process and waits until it says that it is ready. */
export async function startChild(
  module: string,
  args: readonly string[],
  { execArgv = [] }: { execArgv?: readonly string[] } = {},
): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), args, { execArgv: [...execArgv] });
  const [message] = (await Promise.race([once(child, "message"), once(child, "exit")])) as unknown[];
  if (message === "ready") return child;
  child.kill();
  throw new Error(`${module} did not start: ${String(message)}`);
}

export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  if (child.connected) child.disconnect();
  await exited;
}
