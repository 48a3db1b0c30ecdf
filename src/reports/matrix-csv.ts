import type { BatchFigures } from "../contracts/index.ts";
import { costPerMillion } from "./matrix-advice.ts";
import type { MatrixCell } from "./matrix-cell.ts";
import type { MatrixReport } from "./matrix-report.ts";

const columns = [
  ...[
    "model",
    "precision",
    "backend",
    "state",
    "reason",
    "batch_size",
    "p50_ms",
    "p95_ms",
    "items_per_second",
    "memory_mb",
  ],
  ...[
    "cpu_utilization_percent",
    "gpu_utilization_percent",
    "cpu_power_w",
    "gpu_power_w",
    "power_w",
    "energy_j_per_item",
  ],
  ...["price_per_hour", "currency", "cost_per_million_items"],
  ...["n", "date", "proven", "hardware", "observed_backend", "device", "worker_id", "run_id", "task_id"],
] as const;

type Figures = Omit<BatchFigures, "batch_size"> & { cost_per_million_items: number | null };
type Line = Omit<MatrixCell, "batches"> & Partial<Figures> & { proven: boolean | null };

/** One line for each cell and batch size, one for a cell without figures; RFC 4180 but for the line ends. */
export function matrixCsv({ cells }: MatrixReport): string[] {
  const lines = cells.flatMap((cell): Line[] => {
    const line = { ...cell, proven: cell.provenance?.proven ?? null };
    if (cell.batches.length === 0) return [line];
    return cell.batches.map((batch) => ({
      ...{ ...line, ...batch },
      cost_per_million_items: costPerMillion(cell.price_per_hour, batch.items_per_second),
    }));
  });
  return [columns.join(","), ...lines.map((line) => columns.map((column) => csvField(line[column] ?? null)).join(","))];
}

function csvField(value: string | number | boolean | null): string {
  const text = value === null ? "" : String(value);
  // A spreadsheet would take such a text for a formula.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
