import { z } from "zod";
import { modelOf, precisionOf } from "../contracts/index.ts";
import type { Failure, Provenance, ResultView, TaskView } from "../contracts/index.ts";
import { good, measureText, rowName, trouble } from "../reports/index.ts";
import { painted, stateText } from "./state-words.ts";
import { harmless, paint } from "./style.ts";
import type { Style } from "./style.ts";
import { renderTable } from "./table.ts";
import type { Column } from "./table.ts";

/** One model on one backend at one batch size, or why there is no number. */
export interface Measurement {
  run_id: string;
  task_id: string;
  model: string;
  /** The platform where no backend is known. */
  backend: string;
  batch_size: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  /** Whether there are enough iterations to claim the 95th percentile. */
  p95_supported: boolean;
  items_per_second: number | null;
  memory_mb: number | null;
  iterations: number | null;
  status: string;
  provenance: { kind: Provenance["kind"]; proven: boolean } | null;
  failure: Failure | null;
}

/** What a model executor puts under `results.batch_sizes`, as far as the table shows it. */
const batchResult = z.object({
  latency_ms: z.number(),
  throughput_items_per_second: z.number(),
  /** Absent where it cannot be read, as of a browser elsewhere than on Linux. */
  memory_mb: z.number().optional(),
  latency: z.object({ count: z.int(), p95: z.number(), p95_supported: z.boolean() }).optional(),
});
const modelResults = z.object({ batch_sizes: z.record(z.string(), batchResult) });

/** The measurements of results: one per batch size, one for a result without any. */
export function measurementsOf(results: readonly ResultView[]): Measurement[] {
  return results.flatMap(resultRows);
}

function resultRows(result: ResultView): Measurement[] {
  const parsed = modelResults.safeParse(result.results);
  const batches = parsed.success ? Object.entries(parsed.data.batch_sizes) : [];
  const shared = sharedFields(result);
  const rows = batches.map(([size, batch]): Measurement => {
    return {
      ...shared,
      failure: null,
      status: "measured",
      batch_size: Number(size),
      p50_ms: batch.latency_ms,
      p95_ms: batch.latency?.p95 ?? null,
      p95_supported: batch.latency?.p95_supported ?? false,
      items_per_second: batch.throughput_items_per_second,
      memory_mb: batch.memory_mb ?? null,
      iterations: batch.latency?.count ?? null,
    };
  });
  return result.status === "completed" && rows.length > 0 ? rows : [...rows, shared];
}

function sharedFields(result: ResultView): Measurement {
  const { provenance } = result;
  return {
    ...noNumbers,
    run_id: result.run_id,
    task_id: result.task_id,
    model: rowName({ model: result.model ?? "", precision: result.precision ?? "fp32" }),
    backend: result.backend ?? result.hardware ?? "",
    status: result.status,
    provenance: provenance === null ? null : { kind: provenance.kind, proven: provenance.proven },
    failure: result.failure,
  };
}

/** What stands for a task that no worker ever reported on. */
export function unmeasuredTask(task: TaskView): Measurement {
  const { spec, run_id, task_id, status } = task;
  const model = rowName({ model: modelOf(spec) ?? "", precision: precisionOf(spec) ?? "fp32" });
  const backend = spec.requirements.backend ?? spec.requirements.hardware?.join(" ") ?? "";
  return { ...noNumbers, run_id, task_id, model, backend, status };
}

const noNumbers = {
  batch_size: null,
  p50_ms: null,
  p95_ms: null,
  p95_supported: false,
  items_per_second: null,
  memory_mb: null,
  iterations: null,
  provenance: null,
  failure: null,
} as const;

const columns: readonly Column[] = [
  { header: "MODEL" },
  { header: "BACKEND" },
  { header: "BATCH", align: "right" },
  { header: "P50 MS", align: "right" },
  { header: "P95 MS", align: "right" },
  { header: "ITEMS/S", align: "right" },
  { header: "PEAK MB", align: "right" },
  { header: "N", align: "right" },
  { header: "PROVENANCE" },
];

/** Measurements as a table; below it, what its marks mean. */
export function measurementLines(
  rows: readonly Measurement[],
  look: { style: Style; width?: number | undefined },
): string[] {
  if (rows.length === 0) return [];
  const { style } = look;
  const lines = renderTable(
    columns,
    rows.map((row) => cells(row, style)),
    look,
  );
  const weak = rows.some((row) => row.p95_ms !== null && !row.p95_supported);
  return weak
    ? [...lines, paint(style, "dim", "~ too few iterations to claim a 95th percentile (130 are enough)")]
    : lines;
}

function cells(row: Measurement, style: Style): string[] {
  const number = (value: number | null): string => (value === null ? "" : measureText(value));
  const p95 = row.p95_ms === null ? "" : `${row.p95_supported ? "" : "~"}${measureText(row.p95_ms)}`;
  return [
    row.model,
    row.backend,
    row.batch_size === null ? "" : String(row.batch_size),
    number(row.p50_ms),
    p95,
    number(row.items_per_second),
    row.memory_mb === null ? "" : String(Math.round(row.memory_mb)),
    row.iterations === null ? "" : String(row.iterations),
    lastCell(row, style),
  ];
}

function lastCell(row: Measurement, style: Style): string {
  if (row.status === "cancelled") return stateText(style, "cancelled");
  if (row.failure !== null) return `${stateText(style, "failed", row.failure.class)}: ${harmless(row.failure.message)}`;
  if (row.batch_size === null) return row.status;
  // Measured before the attempt came to its end some other way.
  return row.provenance === null ? painted(style, trouble("no evidence")) : provenanceText(row.provenance, style);
}

/** How we know: real and proven, only said to be real, or not real at all. */
function provenanceText({ kind, proven }: NonNullable<Measurement["provenance"]>, style: Style): string {
  if (kind !== "real") return painted(style, trouble(kind));
  return painted(style, proven ? good("real, proven") : trouble("real, not proven"));
}
