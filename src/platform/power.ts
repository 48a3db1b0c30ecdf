import type { GpuCapability } from "../contracts/index.ts";

/** What a machine drew in a span of time. It is of the whole machine: what other programs did is in it. */
export interface PowerUse {
  /** The mean of all processors together; null: not known, or too short a time to tell. */
  readonly cpuWatts: number | null;
  /** Null where no GPU is watched. */
  readonly gpu: GpuUse | null;
}

/** Of all GPUs together; null as above. */
export interface GpuUse {
  readonly watts: number | null;
  /** The mean over GPUs and time. */
  readonly utilizationPercent: number | null;
  /** The most at once. */
  readonly memoryBytes: number | null;
}

/** Where figures come from, or why there are none. */
export type PowerSource = { readonly source: string } | { readonly missing: string };

/** Samples the power of a machine until it is stopped. */
export interface PowerWatch {
  readonly intervalMs: number;
  readonly cpu: PowerSource;
  /** Null where no GPU is watched. */
  readonly gpu: PowerSource | null;
  /** A span of time begins; what it gives ends it. One at a time. */
  span(): () => PowerUse;
  stop(): void;
}

export interface PowerWatchOptions {
  /** The GPUs of the machine where they are watched; null: they are not. */
  readonly gpus: readonly GpuCapability[] | null;
}
