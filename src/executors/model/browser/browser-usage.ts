import type { ProcessInspector } from "../../../platform/index.ts";
import { ownCpuMs, watchOthers } from "../node-host.ts";
import type { PageQuestion } from "../page/page-messages.ts";

/** What the processes of a browser take of the machine; this process, which waits for it, counts as one of them. */
export class BrowserUsage {
  private readonly processes: ProcessInspector;
  private readonly pid: number;
  private others: (() => Promise<number | null>) | undefined;

  constructor(processes: ProcessInspector, pid: number) {
    this.processes = processes;
    this.pid = pid;
  }

  async answer(question: PageQuestion): Promise<number | null> {
    switch (question) {
      case "memory":
        return this.memoryBytes() ?? null;
      case "watch_others":
        this.others = await watchOthers(() => this.cpuMs());
        return null;
      case "others":
        return (await this.others?.()) ?? null;
    }
  }

  /** Memory that the browser alone holds now: heaps of WebAssembly only grow, so it is the peak of a model's run. */
  memoryBytes(): number | undefined {
    const held = this.pids().map((pid) => this.processes.ownMemoryBytes(pid));
    const known = held.filter((bytes) => bytes !== undefined);
    return known.length === 0 ? undefined : known.reduce((sum, bytes) => sum + bytes, 0);
  }

  private cpuMs(): number {
    const browserMs = this.pids().reduce((sum, pid) => sum + (this.processes.cpuTimeMs(pid) ?? 0), 0);
    return browserMs + ownCpuMs();
  }

  private pids(): number[] {
    return [this.pid, ...this.processes.descendants(this.pid)];
  }
}
