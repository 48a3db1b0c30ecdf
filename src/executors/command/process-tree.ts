import type { Clock } from "../../base/index.ts";
import { errorCode } from "../../base/index.ts";
import type { ProcessInspector } from "../../platform/index.ts";
import { WORK_DIR_VARIABLE } from "./environment.ts";

/** Between two looks at whether a process tree is gone. */
const LOOK_INTERVAL_MS = 50;
/** A process that SIGKILL does not end waits in the kernel for a device; waiting longer for it helps nobody. */
const UNKILLABLE_AFTER_MS = 2_000;

/**
 * All processes of one attempt: the process group of the command, what it started, and what carries the attempt's mark in its
 * environment. The last finds those that left the group and lost their parent.
 */
export class ProcessTree {
  private readonly pid: number;
  private readonly workDir: string;
  private readonly inspector: ProcessInspector;
  private readonly clock: Clock;
  private rootEnded = false;

  /** `pid` leads a process group of its own; `workDir` is the mark. */
  constructor(options: { pid: number; workDir: string; inspector: ProcessInspector; clock: Clock }) {
    this.pid = options.pid;
    this.workDir = options.workDir;
    this.inspector = options.inspector;
    this.clock = options.clock;
  }

  /** The command itself has ended and was waited for: from now on its number may belong to another process. */
  markRootEnded(): void {
    this.rootEnded = true;
  }

  /** The largest amount of memory that one process of the tree held so far. */
  peakMemoryBytes(): number | undefined {
    if (this.rootEnded) return undefined;
    const peaks = [this.pid, ...this.inspector.descendants(this.pid)].map((pid) => this.inspector.peakMemoryBytes(pid));
    const known = peaks.filter((bytes) => bytes !== undefined);
    return known.length === 0 ? undefined : Math.max(...known);
  }

  /** SIGTERM, time to comply, then SIGKILL until nothing is left. Resolves when the tree is gone. */
  async end(graceMs: number): Promise<void> {
    this.signal("SIGTERM");
    if (!(await this.gone(graceMs))) await this.kill();
  }

  /** Ends what the command left behind, once it has ended by itself. */
  async clear(): Promise<void> {
    send(-this.pid, "SIGKILL");
    if (this.members().length > 0) await this.kill();
  }

  private async kill(): Promise<void> {
    const giveUpAtMs = this.clock.monotonicMs() + UNKILLABLE_AFTER_MS;
    // A process may fork between the look and the kill, so once is not enough.
    do this.signal("SIGKILL");
    while (!(await this.gone(LOOK_INTERVAL_MS)) && this.clock.monotonicMs() < giveUpAtMs);
  }

  private async gone(withinMs: number): Promise<boolean> {
    const deadlineMs = this.clock.monotonicMs() + withinMs;
    for (;;) {
      if (this.rootEnded && this.members().length === 0) return true;
      if (this.clock.monotonicMs() >= deadlineMs) return false;
      await new Promise<void>((resolve) => this.clock.setTimer(LOOK_INTERVAL_MS, resolve));
    }
  }

  private members(): number[] {
    const marked = this.inspector.markedBy(WORK_DIR_VARIABLE, (value) => value === this.workDir);
    const roots = this.rootEnded ? marked : [this.pid, ...marked];
    return [...new Set([...roots, ...roots.flatMap((pid) => this.inspector.descendants(pid))])];
  }

  private signal(name: "SIGTERM" | "SIGKILL"): void {
    const outside = this.members().filter((pid) => this.inspector.processGroup(pid) !== this.pid && pid !== this.pid);
    send(-this.pid, name);
    // Some programs take a second SIGTERM for impatience, so each process gets one.
    for (const pid of outside) send(pid, name);
  }
}

function send(pid: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // ESRCH: it ended meanwhile. EPERM: it changed its user, and is out of reach.
    const code = errorCode(error);
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}
