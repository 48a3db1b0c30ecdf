import { cellStates } from "./cell-state.ts";
import type { CellState } from "./cell-state.ts";
import { rowName } from "./matrix-cell.ts";
import type { MatrixCell } from "./matrix-cell.ts";
import type { Candidate, Choice, ModelAdvice } from "./matrix-advice.ts";
import type { CellChange } from "./matrix-changes.ts";
import type { MatrixReport } from "./matrix-report.ts";
import { measureText } from "./measure-text.ts";
import { signed } from "./state-word.ts";

/** What formats for people share: the words, without any looks. */

/** A line that belongs to a state, which says its colour. */
export interface StateLine {
  state: CellState;
  text: string;
}

/** What the figures in the cells are. */
export const CELL_LEGEND =
  "median latency, throughput, peak memory and power where it is known, at the smallest batch size; n timed iterations";

/** The longest part of a runtime's message that is worth reading in a table; all of it is in the JSON. */
const LONGEST_REASON = 300;

export function stateText(state: CellState): string {
  return signed(cellStates[state]);
}

/** The figures of a cell, a line each. */
export function figureLines(cell: MatrixCell): string[] {
  const { p50_ms, items_per_second, memory_mb, power_w, n, date } = cell;
  if (p50_ms === null) return date === null ? [] : [date.slice(0, 10)];
  return [
    ...latencyLine(cell),
    ...(items_per_second === null ? [] : [`${measureText(items_per_second)} items/s`]),
    ...(memory_mb === null ? [] : [`${measureText(memory_mb)} MB`]),
    ...(power_w === null ? [] : [`${measureText(power_w)} W`]),
    `n ${n ?? "?"}, ${date?.slice(0, 10) ?? ""}`,
  ];
}

/** The median latency of a cell that has one. */
export function latencyLine({ p50_ms }: MatrixCell): string[] {
  return p50_ms === null ? [] : [`${measureText(p50_ms)} ms`];
}

/** Why cells do not work: each reason once, with the cells that it holds for. */
export function reasonLines({ cells }: MatrixReport): StateLine[] {
  const places = new Map<string, { state: CellState; reason: string; cells: string[] }>();
  for (const cell of cells) {
    if (cell.reason === null) continue;
    const key = JSON.stringify([cell.state, cell.reason]);
    const known = places.get(key) ?? { state: cell.state, reason: cell.reason, cells: [] };
    known.cells.push(`${rowName(cell)} on ${cell.backend}`);
    places.set(key, known);
  }
  return [...places.values()].map(({ state, reason, cells: where }) => ({
    state,
    text: `${stateText(state)}: ${where.join(", ")}: ${shortened(reason)}`,
  }));
}

function shortened(reason: string): string {
  const line = reason.replaceAll(/\s+/g, " ").trim();
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON)}…` : line;
}

/** What backends computed on, where the runtime says it: software that stands in for a GPU works, and is slow. */
export function deviceLines({ backends, cells }: MatrixReport): string[] {
  return backends.flatMap((name) => {
    const there = cells.flatMap(({ backend, device }) => (backend === name && device !== null ? [device] : []));
    return there.length === 0 ? [] : [`${name}: ${[...new Set(there)].join("; ")}`];
  });
}

/** What to take for a model, a line for each question, with the numbers behind it. */
export function adviceLines({ model, ...advice }: ModelAdvice): string[] {
  const p50 = ({ p50_ms }: Candidate): string => `${measureText(p50_ms ?? Number.NaN)} ms`;
  const memory = ({ memory_mb }: Candidate): string => `${measureText(memory_mb ?? Number.NaN)} MB`;
  const items = ({ items_per_second }: Candidate): string => `${measureText(items_per_second ?? Number.NaN)} items/s`;
  const perJoule = ({ energy_j_per_item: joules, cpu_power_w, gpu_power_w }: Candidate): string => {
    const of = [...(cpu_power_w === null ? [] : ["CPU"]), ...(gpu_power_w === null ? [] : ["GPU"])].join(" and ");
    return `${measureText(1 / (joules ?? Number.NaN))} items/J of ${of}`;
  };
  const cost = ({ cost_per_million_items, currency }: Candidate): string =>
    `${measureText(cost_per_million_items ?? Number.NaN)} ${currency} per million items`;
  const place = (one: Candidate): string => rowName({ model: one.backend, precision: one.precision });
  const at = (one: Candidate): string => `${place(one)}, batch size ${one.batch_size}`;
  const size = (one: Candidate): string => `${one.batch_size} on ${place(one)}`;
  return [
    ...choiceLine("fastest", advice.fastest, { name: at, figure: p50 }),
    ...choiceLine("smallest memory", advice.smallest_memory, { name: at, figure: memory }),
    ...choiceLine("best batch size", advice.best_batch_size, { name: size, figure: items }),
    ...choiceLine("best throughput", advice.best_throughput, { name: at, figure: items }),
    ...choiceLine("best per watt", advice.best_per_watt, { name: at, figure: perJoule }),
    ...advice.cheapest.flatMap((choice) => choiceLine("cheapest", choice, { name: at, figure: cost })),
  ].map((line) => `${model}: ${line}`);
}

function choiceLine(
  what: string,
  choice: Choice | null,
  { name, figure }: { name: (one: Candidate) => string; figure: (one: Candidate) => string },
): string[] {
  if (choice === null) return [];
  const { best, next } = choice;
  const other = next === null ? "" : `; next ${name(next)}: ${figure(next)}`;
  return [`${what} ${name(best)}: ${figure(best)} (n ${best.n ?? "?"})${other}`];
}

export function changeLine(change: CellChange): string {
  const { state, p50, since } = change;
  const parts = [
    ...(state === null ? [] : [`${cellStates[state.from].word} → ${cellStates[state.to].word}`]),
    ...(p50 === null ? [] : [latencyText(p50)]),
  ];
  return `${rowName(change)} on ${change.backend}: ${parts.join("; ")}; since ${since.slice(0, 16).replace("T", " ")}`;
}

function latencyText({ batch_size, from_ms, to_ms, noise }: NonNullable<CellChange["p50"]>): string {
  const [word, factor] = to_ms > from_ms ? ["slower", to_ms / from_ms] : ["faster", from_ms / to_ms];
  return (
    `p50 ${measureText(from_ms)} → ${measureText(to_ms)} ms at batch size ${batch_size}, ` +
    `${word} by a factor of ${measureText(factor)} (noise: up to ${measureText(1 + noise)})`
  );
}
