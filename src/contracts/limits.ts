import { z } from "zod";

/**
 * How well an attempt is kept apart. `process`: a process group of its own, watched from outside. `cgroup`: the kernel counts and
 * limits. `sandbox`: it also sees no network, no other process and no file that it may change but its own.
 */
export const isolationLevels = ["process", "cgroup", "sandbox"] as const;
export type IsolationLevel = (typeof isolationLevels)[number];

/** What can be limited; `limits` and what is reported of them use the same names. */
export const limitNames = ["cpu", "memory_mb", "processes", "disk_mb", "output_mb"] as const;
export type LimitName = (typeof limitNames)[number];

const megabytes = z.int().min(1).max(1_000_000_000);

/** What an attempt may use at most. An attempt that takes more is ended. */
export const limits = z.strictObject({
  cpu: z
    .number()
    .min(0.01)
    .max(100_000)
    .optional()
    .describe("Cores; more are not given, where the kernel can limit them"),
  memory_mb: megabytes.optional().describe("Memory of all its processes together, in MB of 1,000,000 bytes"),
  processes: z
    .int()
    .min(1)
    .max(4_000_000)
    .optional()
    .describe("Processes at the same time, and their threads where the kernel counts; default 4096"),
  disk_mb: megabytes.optional().describe("Disk space of the attempt's folder, its output and checkpoint included"),
  output_mb: megabytes.optional().describe("Standard output and error together; default 256"),
  sandbox: z
    .boolean()
    .optional()
    .describe(
      "Run without network, in a file system of which only the attempt's folder can be changed; only on workers that can",
    ),
});
export type Limits = z.infer<typeof limits>;

/** How an attempt was kept apart, and which limits were really watched or set, and exceeded. */
export const isolation = z.strictObject({
  level: z.enum(isolationLevels),
  enforced: z.array(z.enum(limitNames)).max(limitNames.length),
  exceeded: z.array(z.enum(limitNames)).max(limitNames.length),
});
export type Isolation = z.infer<typeof isolation>;
