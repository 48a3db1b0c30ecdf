import { execFile } from "node:child_process";

/** A driver that hangs must not hold the attempt. */
const TOOL_TIMEOUT_MS = 15_000;
const FIELDS = [
  "index",
  "name",
  "uuid",
  "driver_version",
  "temperature.gpu",
  "ecc.errors.uncorrected.volatile.total",
  "clocks_throttle_reasons.hw_slowdown",
  "clocks_throttle_reasons.hw_thermal_slowdown",
  "clocks_throttle_reasons.hw_power_brake_slowdown",
  "clocks_throttle_reasons.sw_thermal_slowdown",
] as const;
const REASONS = ["hw_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown", "sw_thermal_slowdown"] as const;

/** What the driver says of a GPU; null for what it does not tell. */
export interface GpuHealth {
  index: number;
  name: string;
  uuid: string | null;
  driver: string | null;
  temperatureCelsius: number | null;
  /** Since the driver was loaded. */
  uncorrectedEccErrors: number | null;
  /** Why the GPU is slower than it could be; work that needs no more is not a reason. */
  throttledBy: string[];
}

/** The NVIDIA GPUs as `nvidia-smi` sees them; none when the tool or its driver is missing. */
export function gpuHealth(
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<GpuHealth[]> {
  const args = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"];
  const options = { env, signal, timeout: TOOL_TIMEOUT_MS, killSignal: "SIGKILL", encoding: "utf8" } as const;
  return new Promise((resolve) => {
    execFile("nvidia-smi", args, options, (error, stdout) =>
      resolve(error === null ? stdout.split("\n").flatMap(parsedLine) : []),
    );
  });
}

function parsedLine(line: string): GpuHealth[] {
  const [index = "", name = "", uuid, driver, temperature, ecc, ...reasons] = line
    .split(",")
    .map((cell) => cell.trim());
  if (!/^\d+$/.test(index)) return [];
  return [
    {
      index: Number(index),
      name,
      uuid: told(uuid),
      driver: told(driver),
      temperatureCelsius: number(temperature),
      uncorrectedEccErrors: number(ecc),
      throttledBy: REASONS.filter((_, at) => reasons[at] === "Active"),
    },
  ];
}

/** The tool writes `[N/A]` or `[Not Supported]` for what a GPU does not tell. */
function told(cell: string | undefined): string | null {
  return cell === undefined || cell === "" || cell.startsWith("[") || cell === "N/A" ? null : cell;
}

function number(cell: string | undefined): number | null {
  const text = told(cell);
  return text !== null && /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}
