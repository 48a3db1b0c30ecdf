import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ProcessInspector } from "../platform.ts";
import type { Cgroup } from "./cgroup.ts";
import { numberAfter, readKernelFile } from "./kernel-file.ts";

/** Running processes as /proc shows them. */
export class LinuxProcesses implements ProcessInspector {
  private readonly proc: string;
  private readonly cgroup: Cgroup;

  constructor(root: string, cgroup: Cgroup) {
    this.proc = join(root, "proc");
    this.cgroup = cgroup;
  }

  descendants(pid: number): number[] {
    const found = new Set<number>();
    const waiting = [pid];
    for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
      for (const child of this.children(parent)) {
        if (found.has(child)) continue;
        found.add(child);
        waiting.push(child);
      }
    }
    return [...found];
  }

  markedBy(variable: string, accepts: (value: string) => boolean): number[] {
    const prefix = `${variable}=`;
    return this.numericEntries(this.proc).filter((pid) => {
      if (pid === process.pid) return false;
      const environment = readKernelFile(join(this.proc, String(pid), "environ"));
      const entry = environment?.split("\0").find((text) => text.startsWith(prefix));
      return entry !== undefined && accepts(entry.slice(prefix.length));
    });
  }

  processGroup(pid: number): number | undefined {
    // The name in parentheses may hold anything, also parentheses; after it come state, parent and group.
    const fields = readKernelFile(join(this.proc, String(pid), "stat"))
      ?.split(")")
      .at(-1)
      ?.trim()
      .split(" ");
    return fields?.[2] === undefined ? undefined : Number(fields[2]);
  }

  peakMemoryBytes(pid: number): number | undefined {
    const kib = numberAfter(readKernelFile(join(this.proc, String(pid), "status")), "VmHWM");
    return kib === undefined ? undefined : kib * 1024;
  }

  ownMemoryBytes(pid: number): number | undefined {
    const kib = numberAfter(readKernelFile(join(this.proc, String(pid), "status")), "RssAnon");
    return kib === undefined ? undefined : kib * 1024;
  }

  taskCount(): number | undefined {
    const entities = /\d+\/(\d+)/.exec(readKernelFile(join(this.proc, "loadavg")) ?? "")?.[1];
    return entities === undefined ? undefined : Number(entities);
  }

  oomKills(): number | undefined {
    return this.cgroup.oomKills();
  }

  /** Each thread has its own list of the children that it started. */
  private children(pid: number): number[] {
    const tasks = join(this.proc, String(pid), "task");
    return this.numericEntries(tasks).flatMap((thread) => {
      const list = readKernelFile(join(tasks, String(thread), "children")) ?? "";
      return list
        .split(" ")
        .filter((text) => text !== "")
        .map(Number);
    });
  }

  private numericEntries(folder: string): number[] {
    try {
      return readdirSync(folder)
        .filter((name) => /^\d+$/.test(name))
        .map(Number);
    } catch {
      return [];
    }
  }
}
