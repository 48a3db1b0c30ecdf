import { z } from "zod";

export const hardwareChecks = ["cpu", "memory", "disk", "gpu"] as const;
export type HardwareCheck = (typeof hardwareChecks)[number];

/** What the checks measure, with units. */
export const hardwareMeasures = {
  cpu_single_mops: "Mops/s",
  cpu_all_mops: "Mops/s",
  cpu_single_mflops: "Mflops/s",
  cpu_all_mflops: "Mflops/s",
  memory_copy_mb_per_second: "MB/s",
  disk_write_mb_per_second: "MB/s",
  disk_read_mb_per_second: "MB/s",
  disk_fsync_ms_p50: "ms",
  disk_fsync_ms_p99: "ms",
  gpus: "count",
  gpu_temperature_celsius: "°C",
  gpu_throttled: "count",
} as const;
export type HardwareMeasure = keyof typeof hardwareMeasures;

const range = z
  .strictObject({ min: z.number().optional(), max: z.number().optional() })
  .refine(({ min, max }) => min !== undefined || max !== undefined, { message: "must have min or max" })
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, { message: "has min above max" });
export type Range = z.infer<typeof range>;

const measures = Object.keys(hardwareMeasures) as HardwareMeasure[];
const ranges = Object.fromEntries(measures.map((name) => [name, range.optional()])) as Record<
  HardwareMeasure,
  z.ZodOptional<typeof range>
>;

/** What a `hardware` task tries, and what it must find. */
export const hardwareConfig = z.strictObject({
  checks: z
    .array(z.enum(hardwareChecks))
    .min(1)
    .max(hardwareChecks.length)
    .optional()
    .describe("Default: all, the GPU where there is one"),
  seconds: z.number().min(0.05).max(600).default(1).describe("About so long for each check"),
  memory_mb: z.int().min(2).max(1_000_000).default(128).describe("Memory that is filled and read back"),
  disk_mb: z.int().min(1).max(100_000).default(64).describe("The most that is written to the disk"),
  expect: z.strictObject(ranges).prefault({}).describe("A range for what is measured; outside of it the task fails"),
});
export type HardwareConfig = z.infer<typeof hardwareConfig>;
