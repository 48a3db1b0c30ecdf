import { join } from "node:path";
import type { ProcessInspector } from "../platform.ts";
import type { Cgroup } from "./cgroup.ts";
import { entriesOf, numberAfter, readKernelFile } from "./kernel-file.ts";

const GROUP = 2;
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;
/** USER_HZ is 100 on every platform of Linux that Node runs on. */
const TICK_MS = 10;

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
    return this.stat(pid, GROUP);
  }

  cpuTimeMs(pid: number): number | undefined {
    const user = this.stat(pid, USER_TICKS);
    const system = this.stat(pid, SYSTEM_TICKS);
    return user === undefined || system === undefined ? undefined : (user + system) * TICK_MS;
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

  /** A field of proc_pid_stat(5), counted after the name: that stands in parentheses and may hold anything, also parentheses. */
  private stat(pid: number, field: number): number | undefined {
    const fields = readKernelFile(join(this.proc, String(pid), "stat"))
      ?.split(")")
      .at(-1)
      ?.trim()
      .split(" ");
    return fields?.[field] === undefined ? undefined : Number(fields[field]);
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
    return entriesOf(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  }
}
