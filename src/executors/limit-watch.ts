import type { Clock } from "../base/index.ts";
import type { LimitName } from "../contracts/index.ts";
import type { ControlGroup, GroupLimitName, ProcessInspector } from "../platform/index.ts";
import type { AttemptLimits } from "./attempt-limits.ts";
import { folderBytes } from "./folder-size.ts";
import type { ProcessTree } from "./process-tree.ts";
import { RegularLook } from "./regular-look.ts";

const LOOK_INTERVAL_MS = 100;
/** All processes of the machine are looked through at least so often, for those that left their parents. */
const SCAN_INTERVAL_MS = 2_000;
/** Adding up a folder may take long; so many times that long it is left alone. */
const REST_FACTOR = 10;

/** The names of the limits that the kernel keeps to. */
export const groupLimitNames = {
  cpu: "cpu",
  memoryBytes: "memory_mb",
  processes: "processes",
} as const satisfies Record<GroupLimitName, LimitName>;

export interface LimitWatchOptions {
  limits: AttemptLimits;
  /** Where the kernel counts, its count is taken. */
  group: ControlGroup | undefined;
  inspector: ProcessInspector;
  /** What is in them counts as the attempt's disk space. */
  folders: readonly string[];
  outputBytes: () => Promise<number>;
  clock: Clock;
}

/** Looks ten times a second whether an attempt takes more than it may. What a look misses is as much as 0.1 s can take. */
export class LimitWatch {
  /** Limits that are watched here or kept to by the kernel. */
  readonly enforced: LimitName[];
  /** The first limit that was exceeded. */
  exceeded: LimitName | undefined;
  private readonly options: LimitWatchOptions;
  private readonly tasksBefore: number;
  private looks: RegularLook | undefined;
  private scanAtMs = 0;
  private measureAtMs = 0;

  constructor(options: LimitWatchOptions) {
    const { limits, group, inspector } = options;
    this.options = options;
    this.tasksBefore = inspector.taskCount() ?? 0;
    const kernel = (group?.enforced ?? []).map((name) => groupLimitNames[name]);
    const canLook = inspector.taskCount() !== undefined;
    const watched: LimitName[] = [
      ...(canLook ? (["processes"] as const) : []),
      ...(canLook && limits.memoryBytes !== undefined ? (["memory_mb"] as const) : []),
      ...(limits.diskBytes === undefined ? [] : (["disk_mb"] as const)),
      "output_mb",
    ];
    this.enforced = [...new Set([...kernel, ...watched])];
  }

  /** Calls `onExceeded` once, at the first limit that is exceeded. */
  start(tree: ProcessTree, onExceeded: () => void): void {
    const looks = new RegularLook({
      clock: this.options.clock,
      intervalMs: LOOK_INTERVAL_MS,
      look: async () => {
        if (this.exceeded !== undefined) return;
        this.exceeded = this.kernelSays() ?? this.processesSay(tree) ?? (await this.filesSay({ final: false }));
        if (this.exceeded !== undefined && !looks.stopped) onExceeded();
      },
    });
    this.looks = looks;
  }

  /** Stops looking, after a last look at what the kernel and the files say: a command may be faster than the looks. */
  async close(): Promise<void> {
    await this.looks?.stop();
    this.exceeded ??= this.kernelSays() ?? (await this.filesSay({ final: true }));
  }

  private kernelSays(): LimitName | undefined {
    const [first] = this.options.group?.exceeded() ?? [];
    return first === undefined ? undefined : groupLimitNames[first];
  }

  private processesSay(tree: ProcessTree): LimitName | undefined {
    const { limits, group, inspector, clock } = this.options;
    if (!group?.enforced.includes("processes")) {
      const growth = (inspector.taskCount() ?? 0) - this.tasksBefore;
      const nowMs = clock.monotonicMs();
      // Looking through all processes is dear, so it waits for a reason.
      if (growth > limits.processes / 2 || nowMs >= this.scanAtMs) {
        this.scanAtMs = nowMs + SCAN_INTERVAL_MS;
        if (tree.members().length > limits.processes) return "processes";
      }
    }
    if (limits.memoryBytes === undefined || group?.enforced.includes("memoryBytes")) return undefined;
    return tree.ownMemoryBytes() > limits.memoryBytes ? "memory_mb" : undefined;
  }

  private async filesSay({ final }: { final: boolean }): Promise<LimitName | undefined> {
    const { limits, folders, outputBytes, clock } = this.options;
    if ((await outputBytes()) > limits.outputBytes) return "output_mb";
    const startMs = clock.monotonicMs();
    if (limits.diskBytes === undefined || (!final && startMs < this.measureAtMs)) return undefined;
    const sizes = await Promise.all(folders.map(folderBytes));
    const bytes = sizes.reduce((total, size) => total + size, 0);
    const nowMs = clock.monotonicMs();
    this.measureAtMs = nowMs + (nowMs - startMs) * REST_FACTOR;
    return bytes > limits.diskBytes ? "disk_mb" : undefined;
  }
}
