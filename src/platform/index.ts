/**
 * platform: what the operating system and the hardware are: cores, memory, disk, accelerators, container limits, load, power, and what
 * is known of running processes. One folder per system; `createPlatform` picks the one this process runs on.
 *
 * Never: decides what the facts mean for tasks, starts work, changes the system beyond control groups that it is asked for. A missing tool or device is an absent fact.
 * May enter: executors, worker, deploy, cli.
 */
import { GenericPlatform } from "./generic/generic-platform.ts";
import { LinuxPlatform } from "./linux/linux-platform.ts";
import type { Platform, PlatformOptions } from "./platform.ts";

export type { ControlGroup, ControlGroups, GroupLimitName, GroupLimits } from "./control-groups.ts";
export { cpuTimes } from "./cpu-meter.ts";
export type { MachineLoad, Platform, PlatformFacts, PlatformOptions, ProcessInspector } from "./platform.ts";
export type { GpuUse, PowerSource, PowerUse, PowerWatch } from "./power.ts";

/** The platform this process runs on. */
export function createPlatform(options: PlatformOptions): Platform {
  return process.platform === "linux" ? new LinuxPlatform(options) : new GenericPlatform(options);
}
