import type { CapabilityDocument, GpuCapability, WorkerLoad } from "../contracts/index.ts";
import type { ControlGroups } from "./control-groups.ts";
import type { PowerWatch, PowerWatchOptions } from "./power.ts";

/** What the machine, or the container around this process, has. Limits of the container count as the machine's. */
export interface PlatformFacts {
  hostname: string;
  os: CapabilityDocument["os"];
  cpu: {
    model: string;
    /** Cores this process may use; a fraction where a container is limited to one. */
    usableCores: number;
    /** Hardware threads of the machine. */
    threads: number;
    /** What decides about its frequency, where the system says so. */
    governor?: string;
  };
  memory: { totalBytes: number; usableBytes: number };
  /** Of the disk that holds the folder the platform was made for. */
  diskFreeBytes: number;
  /** `docker`, `podman`, `kubernetes`, `lxc`, or the name the container manager gives; absent outside of one. */
  container?: string;
  gpus: GpuCapability[];
}

/** The load of the machine; how many attempts run is the worker's to add. */
export type MachineLoad = Omit<WorkerLoad, "running">;

/**
 * What the system tells about running processes. Answers are a moment's view: a process may be gone when the caller acts.
 * Where a system tells nothing, lists are empty and numbers are undefined.
 */
export interface ProcessInspector {
  /** Processes started by `pid`, by their children and so on, as far as the chain of parents is unbroken. */
  descendants(pid: number): number[];
  /** Processes, this one left out, whose environment had `variable` with an accepted value when they started. */
  markedBy(variable: string, accepts: (value: string) => boolean): number[];
  /** The process group that `pid` is in. */
  processGroup(pid: number): number | undefined;
  /** The most memory that the process ever held at once. */
  peakMemoryBytes(pid: number): number | undefined;
  /** Memory that the process alone holds now: pages shared with others and the file cache are left out. */
  ownMemoryBytes(pid: number): number | undefined;
  /** Processor time that the process took since its start. */
  cpuTimeMs(pid: number): number | undefined;
  /** Processes and threads of the whole machine. */
  taskCount(): number | undefined;
  /** How many processes the kernel killed for want of memory in this process's control group. Only its growth means something. */
  oomKills(): number | undefined;
}

/** Facts about the operating system and the hardware. */
export interface Platform {
  /** Measured anew with each call; takes up to seconds. Never rejects because a tool or a device is missing. */
  facts(): Promise<PlatformFacts>;
  /** Cheap; `cpu_percent` is the mean over all cores since the call before. */
  load(): Promise<MachineLoad>;
  /** Free for this user on the disk of the folder the platform was made for; undefined where the system does not tell. Cheap. */
  freeDiskBytes(): number | undefined;
  readonly processes: ProcessInspector;
  /** Absent where the system has no such thing. */
  readonly controlGroups?: ControlGroups;
  /** Begins to sample power; resolves when samples come, or will not. Absent where nothing of it can be read. */
  watchPower?(options: PowerWatchOptions): Promise<PowerWatch>;
}

export interface PlatformOptions {
  /** The folder whose disk is measured. */
  diskPath: string;
  /** The environment: where tools are looked for (PATH) and what says that this is a container. */
  env: Readonly<Record<string, string | undefined>>;
}
