import { freemem, totalmem } from "node:os";
import { CpuMeter } from "../cpu-meter.ts";
import { freeDiskBytes, machineFacts } from "../machine.ts";
import type { MachineLoad, Platform, PlatformFacts, PlatformOptions, ProcessInspector } from "../platform.ts";

const nothingKnown: ProcessInspector = {
  descendants: () => [],
  markedBy: () => [],
  processGroup: () => undefined,
  peakMemoryBytes: () => undefined,
  ownMemoryBytes: () => undefined,
  cpuTimeMs: () => undefined,
  taskCount: () => undefined,
  oomKills: () => undefined,
};

/** A system that Assay has no adapter for yet: what Node itself knows, no containers, no accelerators. */
export class GenericPlatform implements Platform {
  readonly processes = nothingKnown;
  private readonly cpu = new CpuMeter();
  private readonly diskPath: string;

  constructor(options: PlatformOptions) {
    this.diskPath = options.diskPath;
  }

  async facts(): Promise<PlatformFacts> {
    return { ...(await machineFacts(this.diskPath)), gpus: [] };
  }

  load(): Promise<MachineLoad> {
    const memory_used_gb = (totalmem() - freemem()) / 1e9;
    return Promise.resolve({ cpu_percent: this.cpu.percent(), memory_used_gb });
  }

  freeDiskBytes(): number | undefined {
    return freeDiskBytes(this.diskPath);
  }
}
