import type { GpuCapability } from "../../contracts/index.ts";
import type { ToolRunner } from "./tool-output.ts";

const FIELDS = ["index", "name", "uuid", "memory.total", "driver_version"];

/** NVIDIA GPUs as `nvidia-smi` lists them; none when the tool or its driver is missing. */
export async function nvidiaGpus(run: ToolRunner): Promise<GpuCapability[]> {
  const query = (fields: readonly string[]): Promise<string | undefined> =>
    run("nvidia-smi", [`--query-gpu=${fields.join(",")}`, "--format=csv,noheader,nounits"]);
  // Drivers before 2021 refuse the whole query because of compute_cap.
  const csv = (await query([...FIELDS, "compute_cap"])) ?? (await query(FIELDS)) ?? "";
  return csv.split("\n").flatMap(parseLine);
}

function parseLine(line: string): GpuCapability[] {
  const [index, name, uuid, memoryMib, driver, compute] = line.split(",").map((cell) => cell.trim());
  if (index === undefined || name === undefined || !/^\d+$/.test(index)) return [];
  return [
    {
      index: Number(index),
      vendor: "NVIDIA",
      name,
      ...(known(uuid) ? { uuid } : {}),
      ...(isNumber(memoryMib) ? { memory_gb: (Number(memoryMib) * 1024 * 1024) / 1e9 } : {}),
      ...(known(driver) ? { driver } : {}),
      ...(isNumber(compute) ? { cuda_compute: Number(compute) } : {}),
    },
  ];
}

/** The tool writes `[N/A]` or `[Not Supported]` for what a GPU does not tell. */
function known(cell: string | undefined): cell is string {
  return cell !== undefined && cell !== "" && !cell.startsWith("[");
}

function isNumber(cell: string | undefined): boolean {
  return cell !== undefined && /^\d+(\.\d+)?$/.test(cell);
}
