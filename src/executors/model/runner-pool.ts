import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { siblingModule } from "../../base/index.ts";
import type { Clock, Timer } from "../../base/index.ts";
import type { BackendName } from "./backends/backend-names.ts";
import type { ParentMessage } from "./messages.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A process that nobody asked for in so long a time only holds memory. */
const IDLE_MS = 60_000;

/** A process for one run of a model, not yet told which. */
export function startRunner(env: Environment): ChildProcess {
  return fork(siblingModule(import.meta.url, "./runner"), {
    env,
    execArgv: ["--expose-gc"],
    // "advanced" keeps Infinity and NaN, which JSON turns into null.
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
}

/**
 * Keeps one process ready for the next run, with the runtime of the one before loaded: starting both takes longer than many models do.
 * Each run still has a process of its own.
 */
export class RunnerPool {
  private readonly clock: Clock;
  private ready: { child: ChildProcess; key: string } | undefined;
  private idle: Timer | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The process that is ready, if it was started in this environment, or a new one. */
  take(env: Environment): ChildProcess {
    const { ready } = this;
    if (ready?.key !== keyOf(env) || !ready.child.connected) return startRunner(env);
    this.ready = undefined;
    this.idle?.cancel();
    ready.child.removeAllListeners("error");
    for (const handle of handlesOf(ready.child)) handle.ref();
    return ready.child;
  }

  /** Starts a process for the next run; to be called while nothing is measured. */
  prepare(env: Environment, backend: BackendName): void {
    this.close();
    const child = startRunner(env);
    this.ready = { child, key: keyOf(env) };
    // A process that ends while it waits is found disconnected when it is wanted.
    child.on("error", () => undefined);
    const message: ParentMessage = { type: "prepare", backend };
    child.send(message, () => undefined);
    // Nobody has to wait for it: it ends with this process.
    for (const handle of handlesOf(child)) handle.unref();
    this.idle = this.clock.setTimer(IDLE_MS, () => this.close());
  }

  /** Ends the process that waits. */
  close(): void {
    this.idle?.cancel();
    this.ready?.child.kill("SIGKILL");
    this.ready = undefined;
  }
}

/** All that keeps this process alive while the other one lives. */
function handlesOf(child: ChildProcess): { ref(): void; unref(): void }[] {
  // Pipes are sockets, although their type does not say so.
  return [child, child.channel, child.stdout as Socket | null, child.stderr as Socket | null].filter(
    (handle) => handle !== null && handle !== undefined,
  );
}

function keyOf(env: Environment): string {
  return JSON.stringify(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)));
}
