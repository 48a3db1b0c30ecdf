import type { BatchFigures } from "../contracts/index.ts";
import { isProven } from "./matrix-cell.ts";
import type { MatrixCell } from "./matrix-cell.ts";

/** One measurement that was chosen, and the best of the others. */
export interface Choice {
  best: Candidate;
  /** On another backend or in another precision; for `best_batch_size`, at another batch size. */
  next: Candidate | null;
}

export interface Candidate extends BatchFigures {
  backend: string;
  precision: string;
  /** What its worker cost for as many items; null where nobody said. */
  cost_per_million_items: number | null;
  currency: string | null;
}

/** What to take for a model, from what was measured and proven; null where no measurement says it. */
export interface ModelAdvice {
  model: string;
  /** Least median latency at the smallest batch size. */
  fastest: Choice | null;
  /** Least peak memory at the smallest batch size. */
  smallest_memory: Choice | null;
  /** Most items per second, at whatever batch size. */
  best_throughput: Choice | null;
  /** Most items per second on the fastest backend. */
  best_batch_size: Choice | null;
  /** Most items per joule, at whatever batch size. */
  best_per_watt: Choice | null;
  /** Least cost of a million items, at whatever batch size: one for each currency, as they are not converted. */
  cheapest: readonly Choice[];
}

/** Advice for each model that works somewhere. */
export function adviceOf(cells: readonly MatrixCell[]): ModelAdvice[] {
  const models = [...new Set(cells.filter(isProven).map(({ model }) => model))];
  return models.map((model) =>
    adviceFor(model, candidatesOf(cells.filter((cell) => isProven(cell) && cell.model === model))),
  );
}

function adviceFor(model: string, candidates: readonly Candidate[]): ModelAdvice {
  const smallest = Math.min(...candidates.map(({ batch_size }) => batch_size));
  const small = candidates.filter(({ batch_size }) => batch_size === smallest);
  const fastest = choose(small, ({ p50_ms }) => p50_ms, elsewhere);
  const there = candidates.filter((one) => fastest !== null && !elsewhere(one, fastest.best));
  const items = ({ items_per_second }: Candidate): number | null =>
    items_per_second === null ? null : -items_per_second;
  return {
    model,
    fastest,
    smallest_memory: choose(small, ({ memory_mb }) => memory_mb, elsewhere),
    best_throughput: choose(candidates, items, elsewhere),
    best_batch_size: choose(there, items, (one, best) => one.batch_size !== best.batch_size),
    best_per_watt: choose(withLikePower(candidates), ({ energy_j_per_item }) => energy_j_per_item, elsewhere),
    cheapest: cheapestOf(candidates),
  };
}

function candidatesOf(cells: readonly MatrixCell[]): Candidate[] {
  return cells.flatMap(({ backend, precision, currency, price_per_hour: price, batches }) =>
    batches.map((batch) => ({
      ...{ backend, precision, currency, ...batch },
      cost_per_million_items: costPerMillion(price, batch.items_per_second),
    })),
  );
}

const SECONDS_PER_HOUR = 3_600;
const MILLION = 1e6;

export function costPerMillion(pricePerHour: number | null, itemsPerSecond: number | null): number | null {
  if (pricePerHour === null || itemsPerSecond === null) return null;
  return (pricePerHour * MILLION) / (SECONDS_PER_HOUR * itemsPerSecond);
}

/** What has the processors' power in it; GPUs alone would seem to need less. They compete where nothing else was measured. */
function withLikePower(candidates: readonly Candidate[]): readonly Candidate[] {
  const withProcessors = candidates.filter(({ cpu_power_w }) => cpu_power_w !== null);
  return withProcessors.some(({ energy_j_per_item }) => energy_j_per_item !== null) ? withProcessors : candidates;
}

function cheapestOf(candidates: readonly Candidate[]): Choice[] {
  const currencies = [...new Set(candidates.map(({ currency }) => currency))].filter((one) => one !== null);
  return currencies.toSorted().flatMap((name) => {
    const there = candidates.filter(({ currency }) => currency === name);
    return choose(there, ({ cost_per_million_items }) => cost_per_million_items, elsewhere) ?? [];
  });
}

function elsewhere(one: Candidate, best: Candidate): boolean {
  return one.backend !== best.backend || one.precision !== best.precision;
}

/** The candidate with the least cost, and the least of those that are another. */
function choose(
  candidates: readonly Candidate[],
  cost: (one: Candidate) => number | null,
  isOther: (one: Candidate, best: Candidate) => boolean,
): Choice | null {
  const ranked = candidates
    .flatMap((one) => {
      const value = cost(one);
      return value === null ? [] : [{ one, value }];
    })
    .toSorted((a, b) => a.value - b.value)
    .map(({ one }) => one);
  const [best] = ranked;
  return best === undefined ? null : { best, next: ranked.find((one) => isOther(one, best)) ?? null };
}
