import { z } from "zod";
import type { ResultView } from "../contracts/index.ts";
import { harmless, paint, plain } from "./style.ts";
import type { Style } from "./style.ts";

/** More than these are a list of their own: `assay sql "select * from recoveries"`. */
const MAX_LINES = 20;

/** What a model executor says of batch sizes that it could not measure or looked for, and of what an earlier attempt left. */
const modelNotes = z.object({
  unmeasured: z.record(z.string(), z.string()).default({}),
  batch_size_search: z.object({ best: z.int(), largest: z.int(), too_large: z.int().nullable() }).optional(),
  resume: z.object({ ignored: z.string().optional(), batch_sizes: z.array(z.int()).default([]) }).optional(),
});

/** What was done about failures within the attempts of some results, what their figures lack, and what was looked for: a line each. */
export function resultNotes(results: readonly ResultView[], style: Style): string[] {
  const lines = results.flatMap((result) => [...stepLines(result, style), ...noteLines(result, style)]);
  const left = lines.length - MAX_LINES;
  const query = `select * from recoveries`;
  return left > 0 ? [...lines.slice(0, MAX_LINES), `and ${left} more: assay sql "${query}"`] : lines;
}

function stepLines({ task_id, recovery }: ResultView, style: Style): string[] {
  return recovery.map(({ strategy, message, succeeded }) => {
    const sign = succeeded ? paint(style, "green", plain(style, "✓")) : paint(style, "yellow", "!");
    return `${sign} ${task_id}: ${strategy}${succeeded ? "" : ", without success"}: ${harmless(message)}`;
  });
}

function noteLines({ task_id, results }: ResultView, style: Style): string[] {
  const notes = modelNotes.safeParse(results);
  if (!notes.success) return [];
  const { unmeasured, batch_size_search: search, resume } = notes.data;
  const sign = paint(style, "yellow", "!");
  return [
    ...Object.entries(unmeasured).map(([size, why]) => `${sign} ${task_id}: batch size ${size} ${harmless(why)}`),
    ...(search === undefined ? [] : [`${paint(style, "dim", "-")} ${task_id}: ${searchText(search)}`]),
    ...(resume?.ignored === undefined ? [] : [`${sign} ${task_id}: measured anew, ${harmless(resume.ignored)}`]),
    ...(resume === undefined || resume.batch_sizes.length === 0
      ? []
      : [
          `${paint(style, "dim", "-")} ${task_id}: batch sizes ${resume.batch_sizes.join(", ")} are an earlier attempt's`,
        ]),
  ];
}

function searchText({ best, largest, too_large }: { best: number; largest: number; too_large: number | null }): string {
  const end = too_large === null ? "the largest that was asked for fits" : `${too_large} does not fit in memory`;
  return `of batch sizes up to ${largest}, ${best} has the most items per second; ${end}`;
}
