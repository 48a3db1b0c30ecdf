import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Clock } from "../base/index.ts";
import type { Isolation, IsolationLevel, LimitName } from "../contracts/index.ts";
import type { ControlGroup, Platform } from "../platform/index.ts";
import type { AttemptLimits } from "./attempt-limits.ts";
import { sandboxCommand } from "./sandbox.ts";

/** The unit of `ulimit -f`. */
const BLOCK_BYTES = 512;
const GONE_WITHIN_MS = 2_000;
const LOOK_INTERVAL_MS = 20;

/**
 * Enters the control groups (in the files named first), takes on limits of a file's size and of the user's processes, then becomes
 * the command. Shells do not agree on the letter for processes.
 */
const ENTER = `while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift
ulimit -c 0; if [ "$1" != unlimited ]; then ulimit -f "$1" || exit 125; fi; shift
if [ "$1" != unlimited ]; then ulimit -u "$1" 2>/dev/null || ulimit -p "$1"; fi; shift; exec "$@"`;

/** What a worker proved that it can do. */
export interface ConfinementAbilities {
  groups: boolean;
  sandbox: boolean;
}

export interface ConfinementOptions {
  limits: AttemptLimits;
  abilities: ConfinementAbilities;
  platform: Platform;
  /** Where it runs. */
  cwd: string;
  workDir: string;
  cacheDir: string;
  home: string | undefined;
}

/** How the command of one attempt is kept apart: what goes before it, and the control group that it is in. */
export class Confinement {
  readonly level: IsolationLevel;
  readonly group: ControlGroup | undefined;
  /** Goes before the program and its arguments; empty when nothing is to be done before. */
  readonly prefix: readonly string[];

  constructor(options: ConfinementOptions) {
    const { limits, abilities, platform, cwd, cacheDir, home, workDir } = options;
    const name = `${groupPrefix(cacheDir)}${basename(workDir)}`;
    const { cpu, memoryBytes, processes } = limits;
    const given = {
      ...(cpu === undefined ? {} : { cpu }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      processes,
    };
    this.group = abilities.groups ? platform.controlGroups?.create(name, given) : undefined;
    this.level = limits.sandbox ? "sandbox" : this.group === undefined ? "process" : "cgroup";
    const fileBytes = limits.diskBytes === undefined ? undefined : Math.max(limits.diskBytes, limits.outputBytes);
    const userTasks = userTaskLimit(this.group, platform, processes);
    const enters = this.group !== undefined || fileBytes !== undefined || userTasks !== undefined;
    const blocks = fileBytes === undefined ? "unlimited" : String(Math.ceil(fileBytes / BLOCK_BYTES));
    this.prefix = [
      ...(enters
        ? [
            "/bin/sh",
            "-c",
            ENTER,
            "enter",
            ...(this.group?.entrances ?? []),
            "--",
            blocks,
            `${userTasks ?? "unlimited"}`,
          ]
        : []),
      ...(limits.sandbox ? sandboxCommand({ workDir, cwd, cacheDir, home }) : []),
    ];
  }

  report(enforced: readonly LimitName[], exceeded: LimitName | undefined): Isolation {
    return { level: this.level, enforced: [...enforced], exceeded: exceeded === undefined ? [] : [exceeded] };
  }

  /** Removes the group once its processes have ended. */
  async remove(clock: Clock): Promise<void> {
    const deadlineMs = clock.monotonicMs() + GONE_WITHIN_MS;
    // The kernel lets go of a group a moment after its last process.
    while (this.group?.remove() === false && clock.monotonicMs() < deadlineMs)
      await new Promise<void>((resolve) => clock.setTimer(LOOK_INTERVAL_MS, resolve));
  }
}

/**
 * Without a control group the kernel can limit the processes of the worker's user altogether: those that there are now, and the
 * attempt's. It does not hold back root, for whom only looking is left.
 */
function userTaskLimit(group: ControlGroup | undefined, platform: Platform, processes: number): number | undefined {
  const present = platform.processes.taskCount();
  const kernelCounts = group?.enforced.includes("processes") === true;
  return kernelCounts || present === undefined || process.getuid?.() === 0 ? undefined : present + processes;
}

/** How the names of a worker's control groups begin: several workers may run on a machine. */
export function groupPrefix(cacheDir: string): string {
  return `assay-${createHash("sha256").update(cacheDir).digest("hex").slice(0, 16)}-`;
}
