import type { Clock } from "../base/index.ts";
import { errorCode } from "../base/index.ts";
import type { ControlGroup, ProcessInspector } from "../platform/index.ts";
import { WORK_DIR_VARIABLE } from "./environment.ts";

/** Between two looks at whether a process tree is gone. */
const LOOK_INTERVAL_MS = 50;
/** A process that SIGKILL does not end waits in the kernel for a device; waiting longer for it helps nobody. */
const UNKILLABLE_AFTER_MS = 2_000;
/** Processes that start others faster than they are ended can be many. */
const GIVE_UP_AFTER_MS = 60_000;

/**
 * All processes of one attempt: the process group of the command, what it started, and what carries the attempt's mark in its
 * environment. The last finds those that left the group and lost their parent.
 */
export class ProcessTree {
  private readonly pid: number;
  private readonly workDir: string;
  private readonly inspector: ProcessInspector;
  private readonly clock: Clock;
  private readonly group: ControlGroup | undefined;
  private rootEnded = false;

  /** `pid` leads a process group of its own; `workDir` is the mark. */
  constructor(options: {
    pid: number;
    workDir: string;
    inspector: ProcessInspector;
    clock: Clock;
    /** The control group that all of them are in, if there is one. */
    group?: ControlGroup | undefined;
  }) {
    this.pid = options.pid;
    this.workDir = options.workDir;
    this.inspector = options.inspector;
    this.clock = options.clock;
    this.group = options.group;
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

  /** The memory that the processes hold now, pages that they share with others left out. */
  ownMemoryBytes(): number {
    if (this.rootEnded) return 0;
    const pids = [this.pid, ...this.inspector.descendants(this.pid)];
    return pids.reduce((total, pid) => total + (this.inspector.ownMemoryBytes(pid) ?? 0), 0);
  }

  /** SIGTERM, time to comply, then SIGKILL until nothing is left. Resolves when the tree is gone. */
  async end(graceMs: number): Promise<void> {
    this.signal("SIGTERM");
    if (!(await this.gone(graceMs))) await this.kill();
  }

  /** Ends what the command left behind, once it has ended by itself. */
  async clear(): Promise<void> {
    send(-this.pid, "SIGKILL");
    this.group?.kill();
    if (this.members().length > 0) await this.kill();
  }

  /** SIGKILL until nothing is left. */
  async kill(): Promise<void> {
    const startedMs = this.clock.monotonicMs();
    let changedMs = startedMs;
    let left = "";
    await this.freeze();
    do {
      // The whole group at once comes first: nobody in it can start another meanwhile.
      send(-this.pid, "SIGKILL");
      this.group?.kill();
      const members = this.signal("SIGKILL").join();
      if (members !== left) changedMs = this.clock.monotonicMs();
      left = members;
      // A process that is just becoming another program is not to be seen, so one look without any is not enough.
      if ((await this.gone(LOOK_INTERVAL_MS)) && (await this.gone(LOOK_INTERVAL_MS))) return;
      await this.freeze();
    } while (
      this.clock.monotonicMs() < changedMs + UNKILLABLE_AFTER_MS &&
      this.clock.monotonicMs() < startedMs + GIVE_UP_AFTER_MS
    );
  }

  /**
   * Stops all, look after look without a pause, until a look finds no new ones: what is killed before the others are stopped makes
   * room for what they start. Processes that start others faster than they are found need the kernel to limit them.
   */
  private async freeze(): Promise<void> {
    send(-this.pid, "SIGSTOP");
    const stopped = new Set<number>();
    const giveUpAtMs = this.clock.monotonicMs() + GIVE_UP_AFTER_MS;
    for (let found = true; found && this.clock.monotonicMs() < giveUpAtMs;) {
      const fresh = this.members().filter((pid) => !stopped.has(pid));
      for (const pid of fresh) send(pid, "SIGSTOP");
      for (const pid of fresh) stopped.add(pid);
      found = fresh.length > 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  private async gone(withinMs: number): Promise<boolean> {
    const deadlineMs = this.clock.monotonicMs() + withinMs;
    for (;;) {
      if (this.rootEnded && this.members().length === 0) return true;
      if (this.clock.monotonicMs() >= deadlineMs) return false;
      await new Promise<void>((resolve) => this.clock.setTimer(LOOK_INTERVAL_MS, resolve));
    }
  }

  /** All of them that can be found. */
  members(): number[] {
    const marked = this.inspector.markedBy(WORK_DIR_VARIABLE, (value) => value === this.workDir);
    const roots = this.rootEnded ? marked : [this.pid, ...marked];
    const others = roots.flatMap((pid) => this.inspector.descendants(pid));
    return [...new Set([...roots, ...others, ...(this.group?.members() ?? [])])];
  }

  private signal(name: "SIGTERM" | "SIGKILL"): number[] {
    const members = this.members();
    const outside = members.filter((pid) => this.inspector.processGroup(pid) !== this.pid && pid !== this.pid);
    send(-this.pid, name);
    // Some programs take a second SIGTERM for impatience, so each process gets one.
    for (const pid of outside) send(pid, name);
    return members;
  }
}

function send(pid: number, name: "SIGTERM" | "SIGKILL" | "SIGSTOP"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // ESRCH: it ended meanwhile. EPERM: it changed its user, and is out of reach.
    const code = errorCode(error);
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}
