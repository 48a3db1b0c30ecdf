import type { GpuUse } from "../power.ts";

/** What a GPU told at one moment; null for what it does not tell. */
export type GpuSample = GpuUse;

/** A number, and when it was read. */
interface Point {
  readonly atMs: number;
  readonly value: number;
}

/** What GPUs told, in order. */
export class GpuSamples {
  private readonly byGpu = new Map<string, (GpuSample & { readonly atMs: number })[]>();

  add(gpu: string, atMs: number, sample: GpuSample): void {
    const known = this.byGpu.get(gpu);
    if (known === undefined) this.byGpu.set(gpu, [{ atMs, ...sample }]);
    else known.push({ atMs, ...sample });
  }

  /** Forgets all but which GPUs there are. */
  clear(): void {
    for (const samples of this.byGpu.values()) samples.length = 0;
  }

  useOf(fromMs: number, toMs: number): GpuUse {
    const gpus = [...this.byGpu.values()];
    const means = (field: keyof GpuSample): (number | null)[] =>
      gpus.map((samples) =>
        meanOver(
          samples.flatMap(({ atMs, [field]: value }) => (value === null ? [] : [{ atMs, value }])),
          { fromMs, toMs },
        ),
      );
    const utilization = sumOf(means("utilizationPercent"));
    return {
      watts: sumOf(means("watts")),
      utilizationPercent: utilization === null ? null : utilization / gpus.length,
      memoryBytes: sumOf(gpus.map((samples) => mostOf(samples.map(({ memoryBytes }) => memoryBytes)))),
    };
  }
}

/**
 * The mean over a span of time by the trapezoid rule; before the first sample in it and after the last one the value is taken to be theirs.
 * Null for fewer than two.
 */
export function meanOver(
  points: readonly Point[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): number | null {
  const inside = points.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const [first, last] = [inside[0], inside.at(-1)];
  if (first === undefined || last === undefined || inside.length < 2) return null;
  const whole = [{ ...first, atMs: fromMs }, ...inside, { ...last, atMs: toMs }];
  const area = whole.reduce((sum, { atMs, value }, index) => {
    const before = whole[index - 1];
    return before === undefined ? 0 : sum + ((atMs - before.atMs) * (value + before.value)) / 2;
  }, 0);
  return area / (toMs - fromMs);
}

/** Null where one of them is not known, or there are none. */
function sumOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length < values.length || known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

function mostOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
