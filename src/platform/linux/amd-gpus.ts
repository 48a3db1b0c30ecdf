import type { GpuCapability } from "../../contracts/index.ts";
import type { ToolRunner } from "./tool-output.ts";

const ARGUMENTS = ["--showproductname", "--showuniqueid", "--showmeminfo", "vram", "--showdriverversion", "--json"];

/** AMD GPUs as `rocm-smi` lists them; none when the tool or its driver is missing. */
export async function amdGpus(run: ToolRunner): Promise<GpuCapability[]> {
  const document = parseDocument((await run("rocm-smi", ARGUMENTS)) ?? "");
  const driver = field(document["system"], "driver version");
  return Object.entries(document).flatMap(([key, card]) => {
    const index = /^card(\d+)$/.exec(key)?.[1];
    if (index === undefined) return [];
    const uuid = field(card, "unique id");
    const memoryBytes = field(card, "vram total memory (b)");
    return [
      {
        index: Number(index),
        vendor: "AMD",
        name: field(card, "card series") ?? field(card, "card model") ?? "AMD GPU",
        ...(uuid === undefined ? {} : { uuid }),
        ...(memoryBytes !== undefined && /^\d+$/.test(memoryBytes) ? { memory_gb: Number(memoryBytes) / 1e9 } : {}),
        ...(driver === undefined ? {} : { driver }),
      },
    ];
  });
}

/** The tool prints warnings before its JSON. */
function parseDocument(output: string): Record<string, unknown> {
  const start = output.indexOf("{");
  if (start < 0) return {};
  try {
    const parsed: unknown = JSON.parse(output.slice(start));
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}

/** The field of a card; versions of the tool differ in capitals. */
function field(card: unknown, name: string): string | undefined {
  if (typeof card !== "object" || card === null) return undefined;
  for (const [key, value] of Object.entries(card)) {
    if (key.toLowerCase() === name && typeof value === "string" && value !== "" && value !== "N/A") return value;
  }
  return undefined;
}
