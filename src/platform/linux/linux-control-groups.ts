import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ControlGroup, ControlGroups, GroupLimitName, GroupLimits } from "../control-groups.ts";
import type { Cgroup, Controller } from "./cgroup.ts";
import { oomKillsIn } from "./cgroup.ts";
import { numberAfter, readKernelFile } from "./kernel-file.ts";

/** The worker's own group, when it has to leave the one below which it makes others. */
const WORKER_LEAF = "assay-worker";
const CPU_PERIOD_US = 100_000;

/** Which controller keeps to a limit. */
const CONTROLLER: Readonly<Record<GroupLimitName, Controller>> = {
  cpu: "cpu",
  memoryBytes: "memory",
  processes: "pids",
};
const LIMIT_NAMES: readonly GroupLimitName[] = ["cpu", "memoryBytes", "processes"];

/** Control groups of Linux: version 2, and where a controller is mounted the old way, version 1. */
export class LinuxControlGroups implements ControlGroups {
  private readonly cgroup: Cgroup;
  /** Where groups are made, by controller: remembered, since this process may have to move. */
  private readonly parents = new Map<Controller, string | undefined>();

  constructor(cgroup: Cgroup) {
    this.cgroup = cgroup;
  }

  probe(): GroupLimitName[] {
    const group = this.create(`assay-probe-${process.pid}`, { cpu: 1, memoryBytes: 2 ** 30, processes: 1_000 });
    const enforced = [...(group?.enforced ?? [])];
    group?.remove();
    return enforced;
  }

  create(name: string, limits: GroupLimits): ControlGroup | undefined {
    const folders = new Map<string, string>();
    const enforced = LIMIT_NAMES.filter((limit) => {
      const value = limits[limit];
      const parent = value === undefined ? undefined : this.parentOf(CONTROLLER[limit]);
      if (value === undefined || parent === undefined || !delegates(parent, CONTROLLER[limit])) return false;
      const folder = folders.get(parent) ?? makeFolder(join(parent, name));
      if (folder === undefined) return false;
      folders.set(parent, folder);
      return setLimit(folder, limit, value);
    });
    if (folders.size === 0) return undefined;
    const group = new LinuxControlGroup([...folders.values()], enforced);
    if (enforced.length > 0) return group;
    group.remove();
    return undefined;
  }

  private parentOf(controller: Controller): string | undefined {
    if (!this.parents.has(controller)) {
      const own = this.cgroup.ownFolder(controller);
      this.parents.set(controller, own !== undefined && basename(own) === WORKER_LEAF ? dirname(own) : own);
    }
    return this.parents.get(controller);
  }

  clear(prefix: string): void {
    const parents = new Set(LIMIT_NAMES.map((limit) => this.parentOf(CONTROLLER[limit])));
    for (const parent of parents) {
      const names = parent === undefined ? [] : folderNames(parent).filter((name) => name.startsWith(prefix));
      for (const name of names) {
        const group = new LinuxControlGroup([join(parent ?? "", name)], []);
        group.kill();
        group.remove();
      }
    }
  }
}

class LinuxControlGroup implements ControlGroup {
  readonly entrances: readonly string[];
  readonly enforced: readonly GroupLimitName[];
  private readonly folders: readonly string[];

  constructor(folders: readonly string[], enforced: readonly GroupLimitName[]) {
    this.folders = folders;
    this.enforced = enforced;
    this.entrances = folders.map((folder) => join(folder, "cgroup.procs"));
  }

  oomKills(): number {
    return sum(this.folders.map(oomKillsIn));
  }

  exceeded(): GroupLimitName[] {
    // In version 2 one folder has the files of all controllers: a kill for want of memory may be for a limit of a group above.
    const tooMuchMemory = this.enforced.includes("memoryBytes") && this.oomKills() > 0;
    const refused = this.folders.map((folder) => numberAfter(readKernelFile(join(folder, "pids.events")), "max"));
    return [...(tooMuchMemory ? ["memoryBytes" as const] : []), ...(sum(refused) > 0 ? ["processes" as const] : [])];
  }

  members(): number[] {
    return [...new Set(this.entrances.flatMap((file) => (readKernelFile(file) ?? "").split("\n").filter(Boolean)))].map(
      Number,
    );
  }

  kill(): void {
    const switches = this.folders.map((folder) => join(folder, "cgroup.kill")).filter((file) => existsSync(file));
    if (switches.length > 0) for (const file of switches) tryWrite(file, "1");
    else for (const pid of this.members()) tryKill(pid);
  }

  remove(): boolean {
    for (const folder of this.folders) {
      try {
        rmdirSync(folder);
      } catch {
        // Processes that are ending stay in it for a moment.
      }
    }
    return !this.folders.some((folder) => existsSync(folder));
  }
}

function sum(counts: readonly (number | undefined)[]): number {
  return counts.reduce<number>((total, count) => total + (count ?? 0), 0);
}

/** Whether groups below `parent` can have a controller: in version 2 only those that it was told to give them, so it is told. */
function delegates(parent: string, controller: Controller): boolean {
  if (!existsSync(join(parent, "cgroup.procs"))) return false;
  const control = join(parent, "cgroup.subtree_control");
  if (!existsSync(control) || (readKernelFile(control) ?? "").split(/\s/).includes(controller)) return true;
  if (tryWrite(control, `+${controller}`)) return true;
  // A group of version 2 that limits its children may hold no process itself.
  const leaf = makeFolder(join(parent, WORKER_LEAF));
  if (leaf === undefined || !tryWrite(join(leaf, "cgroup.procs"), "0")) return false;
  return tryWrite(control, `+${controller}`);
}

function makeFolder(folder: string): string | undefined {
  try {
    mkdirSync(folder, { recursive: true });
    return folder;
  } catch {
    return undefined;
  }
}

function setLimit(folder: string, limit: GroupLimitName, value: number): boolean {
  switch (limit) {
    case "cpu": {
      const quotaUs = Math.max(1_000, Math.round(value * CPU_PERIOD_US));
      if (tryWrite(join(folder, "cpu.max"), `${quotaUs} ${CPU_PERIOD_US}`)) return true;
      return tryWrite(join(folder, "cpu.cfs_quota_us"), String(quotaUs));
    }
    case "memoryBytes":
      // What is swapped out would not count; where there is no swap the file may be missing.
      if (tryWrite(join(folder, "memory.max"), String(value))) {
        tryWrite(join(folder, "memory.swap.max"), "0");
        return true;
      }
      if (!tryWrite(join(folder, "memory.limit_in_bytes"), String(value))) return false;
      tryWrite(join(folder, "memory.memsw.limit_in_bytes"), String(value));
      return true;
    case "processes":
      return tryWrite(join(folder, "pids.max"), String(value));
  }
}

function folderNames(parent: string): string[] {
  try {
    return readdirSync(parent, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}

/** Never makes a file: one that is not there is a control that the kernel does not have. */
function tryWrite(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "r+" });
    return true;
  } catch {
    return false;
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended meanwhile.
  }
}
