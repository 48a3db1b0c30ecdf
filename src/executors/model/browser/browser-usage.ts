import type { ProcessInspector } from "../../../platform/index.ts";
import type { CpuUse } from "../inference-host.ts";
import { ownCpuMs, watchCpu } from "../node-host.ts";

/** What the processes of a browser take of the machine; this process, which waits for it, counts as one of them. */
export class BrowserUsage {
  private readonly processes: ProcessInspector;
  private readonly pid: number;
  private watched: (() => Promise<CpuUse>) | undefined;
  /** Processor time by process: what ended took what it had taken when it was seen last. */
  private readonly cpuMsByPid = new Map<number, number>();

  constructor(processes: ProcessInspector, pid: number) {
    this.processes = processes;
    this.pid = pid;
  }

  async watchCpu(): Promise<void> {
    this.watched = await watchCpu(() => this.cpuMs());
  }

  /** Since the watch began. */
  async cpuUse(): Promise<CpuUse> {
    return (await this.watched?.()) ?? { own: null, others: null };
  }

  /** Memory that the browser alone holds now: heaps of WebAssembly only grow, so it is the peak of a model's run. */
  memoryBytes(): number | undefined {
    const held = this.pids().map((pid) => this.processes.ownMemoryBytes(pid));
    const known = held.filter((bytes) => bytes !== undefined);
    return known.length === 0 ? undefined : known.reduce((sum, bytes) => sum + bytes, 0);
  }

  private cpuMs(): number {
    for (const pid of this.pids()) {
      const ms = this.processes.cpuTimeMs(pid);
      if (ms !== undefined) this.cpuMsByPid.set(pid, ms);
    }
    return [...this.cpuMsByPid.values()].reduce((sum, ms) => sum + ms, ownCpuMs());
  }

  private pids(): number[] {
    return [this.pid, ...this.processes.descendants(this.pid)];
  }
}
