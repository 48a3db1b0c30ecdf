import { join } from "node:path";
import type { GpuSample } from "./gpu-samples.ts";
import { entriesOf, readKernelFile } from "./kernel-file.ts";

const AMD = "0x1002";
const MICROWATTS = 1e6;

/** One GPU as the driver amdgpu shows it below /sys. */
export interface AmdSensor {
  readonly name: string;
  read(): GpuSample;
}

/** The AMD GPUs that tell their power. */
export function amdSensors(root: string): AmdSensor[] {
  const folder = join(root, "sys/class/drm");
  const cards = entriesOf(folder).filter((name) => /^card\d+$/.test(name));
  return cards.flatMap((name) => {
    const device = join(folder, name, "device");
    if (readKernelFile(join(device, "vendor"))?.trim() !== AMD) return [];
    const power = powerFile(join(device, "hwmon"));
    if (power === undefined) return [];
    const microwatts = (): number | null => numberIn(power);
    return [
      {
        name,
        read: () => ({
          watts: scaled(microwatts(), 1 / MICROWATTS),
          utilizationPercent: numberIn(join(device, "gpu_busy_percent")),
          memoryBytes: numberIn(join(device, "mem_info_vram_used")),
        }),
      },
    ];
  });
}

/** Newer GPUs tell what they draw at the moment instead of its average. */
function powerFile(folder: string): string | undefined {
  return entriesOf(folder)
    .flatMap((name) => ["power1_average", "power1_input"].map((file) => join(folder, name, file)))
    .find((file) => numberIn(file) !== null);
}

function numberIn(file: string): number | null {
  const text = readKernelFile(file)?.trim() ?? "";
  return /^\d+$/.test(text) ? Number(text) : null;
}

function scaled(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor;
}
