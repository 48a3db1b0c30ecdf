import { freemem, totalmem } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../base/index.ts";
import { CpuMeter } from "../cpu-meter.ts";
import type { ControlGroups } from "../control-groups.ts";
import { freeDiskBytes, machineFacts } from "../machine.ts";
import type { MachineLoad, Platform, PlatformFacts, PlatformOptions, ProcessInspector } from "../platform.ts";
import { amdGpus } from "./amd-gpus.ts";
import { Cgroup } from "./cgroup.ts";
import type { PowerWatch, PowerWatchOptions } from "../power.ts";
import { detectContainer } from "./container.ts";
import { readKernelFile } from "./kernel-file.ts";
import { LinuxControlGroups } from "./linux-control-groups.ts";
import { watchLinuxPower } from "./linux-power.ts";
import { LinuxProcesses } from "./linux-processes.ts";
import { nvidiaGpus } from "./nvidia-gpus.ts";
import { toolRunner } from "./tool-output.ts";

export interface LinuxPlatformOptions extends PlatformOptions {
  /** Where /proc, /sys and /run are looked for; default `/`. */
  root?: string;
}

/** Linux, in a container or not. */
export class LinuxPlatform implements Platform {
  readonly processes: ProcessInspector;
  readonly controlGroups: ControlGroups;
  private readonly options: LinuxPlatformOptions;
  private readonly root: string;
  private readonly cgroup: Cgroup;
  private readonly cpu = new CpuMeter();

  constructor(options: LinuxPlatformOptions) {
    this.options = options;
    this.root = options.root ?? "/";
    this.cgroup = new Cgroup(this.root);
    this.controlGroups = new LinuxControlGroups(this.cgroup);
    this.processes = new LinuxProcesses(this.root, this.cgroup);
  }

  async facts(): Promise<PlatformFacts> {
    const { env, diskPath } = this.options;
    const run = toolRunner(env);
    const [machine, nvidia, amd] = await Promise.all([machineFacts(diskPath), nvidiaGpus(run), amdGpus(run)]);
    const container = detectContainer(this.root, env);
    const { totalBytes } = machine.memory;
    return {
      ...machine,
      cpu: { ...machine.cpu, usableCores: this.usableCores(machine.cpu.usableCores), ...this.governor() },
      memory: { totalBytes, usableBytes: Math.min(totalBytes, this.cgroup.memoryLimitBytes() ?? totalBytes) },
      ...(container === undefined ? {} : { container }),
      gpus: [...nvidia, ...amd],
    };
  }

  load(): Promise<MachineLoad> {
    const limitBytes = this.cgroup.memoryLimitBytes() ?? Number.POSITIVE_INFINITY;
    // Without a limit of its own the group's use is not what runs out; the machine's is.
    const usedBytes = limitBytes < totalmem() ? this.cgroup.memoryUsedBytes() : undefined;
    const memory_used_gb = (usedBytes ?? totalmem() - freemem()) / 1e9;
    return Promise.resolve({ cpu_percent: this.cpu.percent(), memory_used_gb });
  }

  freeDiskBytes(): number | undefined {
    return freeDiskBytes(this.options.diskPath);
  }

  watchPower({ gpus }: PowerWatchOptions): Promise<PowerWatch> {
    return watchLinuxPower({ gpus, root: this.root, env: this.options.env, clock: systemClock });
  }

  private governor(): { governor?: string } {
    const text = readKernelFile(join(this.root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    return text === undefined ? {} : { governor: text.trim() };
  }

  private usableCores(fallback: number): number {
    const status = readKernelFile(join(this.root, "proc/self/status"));
    const allowed = /^Cpus_allowed_list:\s*(.+)$/m.exec(status ?? "")?.[1];
    const affinity = allowed === undefined ? fallback : countRanges(allowed);
    return Math.min(affinity, this.cgroup.coreLimit() ?? affinity);
  }
}

/** How many numbers a list like `0-3,8` names. */
function countRanges(list: string): number {
  return list.split(",").reduce((count, range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return count + last - first + 1;
  }, 0);
}
