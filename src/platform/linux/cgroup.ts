import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { numberAfter, readKernelFile } from "./kernel-file.ts";

export type Controller = "cpu" | "memory" | "pids";

/** The processor and memory limits of the control groups (v1, v2 or both mounted) around this process. */
export class Cgroup {
  private readonly root: string;

  /** `root` is `/`, or a folder with a copy of /proc and /sys. */
  constructor(root: string) {
    this.root = root;
  }

  /** Cores that the quota allows, e.g. 1.5; the tightest group counts. */
  coreLimit(): number | undefined {
    return smallest(this.folders("cpu").map(coreQuota));
  }

  memoryLimitBytes(): number | undefined {
    return smallest(this.folders("memory").map(memoryLimit));
  }

  /** Memory in use without the file cache that the kernel would give back at once. */
  memoryUsedBytes(): number | undefined {
    for (const folder of this.folders("memory")) {
      const used =
        wholeNumber(readKernelFile(join(folder, "memory.current"))) ??
        wholeNumber(readKernelFile(join(folder, "memory.usage_in_bytes")));
      if (used === undefined) continue;
      const stat = readKernelFile(join(folder, "memory.stat"));
      const idleCache = numberAfter(stat, "total_inactive_file") ?? numberAfter(stat, "inactive_file") ?? 0;
      return Math.max(0, used - idleCache);
    }
    return undefined;
  }

  oomKills(): number | undefined {
    return this.folders("memory")
      .map(oomKillsIn)
      .find((kills) => kills !== undefined);
  }

  /** Of the innermost group that this process is in. */
  ownFolder(controller: Controller): string | undefined {
    return this.folders(controller)[0];
  }

  /** The folders of the groups this process is in, the innermost first. */
  private folders(controller: Controller): string[] {
    const membership = readKernelFile(join(this.root, "proc/self/cgroup")) ?? "";
    return membership.split("\n").flatMap((line) => {
      const [id, controllers, ...path] = line.split(":");
      if (id === undefined || controllers === undefined) return [];
      const v1 = controllers.split(",").includes(controller);
      const mounts = v1 ? [controllers, controller] : id === "0" && controllers === "" ? ["", "unified"] : [];
      const mount = mounts.map((name) => join(this.root, "sys/fs/cgroup", name)).find((folder) => existsSync(folder));
      return mount === undefined ? [] : upwards(mount, path.join(":"));
    });
  }
}

/** Processes killed for want of memory in the group of the folder; undefined where that is not counted. */
export function oomKillsIn(folder: string): number | undefined {
  const events = readKernelFile(join(folder, "memory.events")) ?? readKernelFile(join(folder, "memory.oom_control"));
  return numberAfter(events, "oom_kill");
}

/** `mount/a/b`, `mount/a`, `mount`. The path is often one of the host, which a container does not see. */
function upwards(mount: string, path: string): string[] {
  const folders = [];
  let folder = join(mount, join("/", path));
  while (folder.length > mount.length) {
    if (existsSync(folder)) folders.push(folder);
    folder = dirname(folder);
  }
  return [...folders, mount];
}

function coreQuota(folder: string): number | undefined {
  const v2 = readKernelFile(join(folder, "cpu.max"))?.trim().split(" ");
  const quotaUs = wholeNumber(v2?.[0] ?? readKernelFile(join(folder, "cpu.cfs_quota_us")));
  const periodUs = wholeNumber(v2?.[1] ?? readKernelFile(join(folder, "cpu.cfs_period_us")));
  return quotaUs === undefined || periodUs === undefined || periodUs === 0 ? undefined : quotaUs / periodUs;
}

function memoryLimit(folder: string): number | undefined {
  return wholeNumber(
    readKernelFile(join(folder, "memory.max")) ?? readKernelFile(join(folder, "memory.limit_in_bytes")),
  );
}

/** `max` and `-1` mean no limit. */
function wholeNumber(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

function smallest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
