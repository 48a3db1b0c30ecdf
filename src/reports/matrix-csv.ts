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
  ...["n", "date", "proven", "hardware", "observed_backend", "device", "worker_id", "run_id", "task_id"],
] as const;

type Line = Omit<MatrixCell, "batches"> & { p95_ms: number | null; proven: boolean | null };

/** One line for each cell and batch size, one for a cell without figures; RFC 4180 but for the line ends. */
export function matrixCsv({ cells }: MatrixReport): string[] {
  const lines = cells.flatMap((cell): Line[] => {
    const line: Line = { ...cell, p95_ms: null, proven: cell.provenance?.proven ?? null };
    return cell.batches.length === 0 ? [line] : cell.batches.map((batch) => ({ ...line, ...batch }));
  });
  return [columns.join(","), ...lines.map((line) => columns.map((column) => csvField(line[column])).join(","))];
}

function csvField(value: string | number | boolean | null): string {
  const text = value === null ? "" : String(value);
  // A spreadsheet would take such a text for a formula.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
