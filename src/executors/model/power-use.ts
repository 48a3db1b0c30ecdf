import type { JsonObject } from "../../base/index.ts";
import type { Hardware } from "../../contracts/index.ts";
import type { PowerSource, PowerUse, PowerWatch } from "../../platform/index.ts";
import { mean } from "../../stats/index.ts";
import { largestPeak } from "./inference-host.ts";
import type { MeasuredBatch } from "./launches.ts";
import type { RoundReport } from "./messages.ts";
import type { RunModel } from "./model-run.ts";

/** Platforms on which a GPU computes, where there is one. */
const onGpus: ReadonlySet<Hardware> = new Set(["cuda", "rocm", "webgpu", "dml"]);

export function computesOnGpu(hardware: Hardware): boolean {
  return onGpus.has(hardware);
}

/** Runs models while this process watches the power, so that the one that measures has nothing to do with it. */
export function withPower(run: RunModel, watch: PowerWatch): RunModel {
  return (request, { onProgress, ...others }) => {
    let end = (): PowerUse | null => null;
    let rounds: (PowerUse | null)[] = [];
    return run(request, {
      ...others,
      onProgress: (progress) => {
        if (progress.stage === "batch_started") rounds = [];
        if (progress.stage === "timing_started") end = watch.span();
        if (progress.stage === "timing_ended") rounds.push(end());
        if (progress.stage !== "batch_finished") return onProgress?.(progress);
        const { batch } = progress;
        const powered = batch.rounds.map((round, index) => ({ ...round, power: rounds[index] ?? null }));
        onProgress?.({ ...progress, batch: { ...batch, rounds: powered } });
      },
    });
  };
}

/** Where the figures of power come from, or why there are none. */
export function powerConditions(watch: PowerWatch | undefined): JsonObject {
  if (watch === undefined) return { missing: "the power of this system is not read" };
  const told = (source: PowerSource): JsonObject => ({ ...source });
  return {
    interval_ms: watch.intervalMs,
    cpu: told(watch.cpu),
    gpu: watch.gpu === null ? null : told(watch.gpu),
  };
}

/** What was used and drawn: the mean over rounds, of memory the most; null: not known. */
export interface UseFigures {
  readonly cpuUtilizationPercent: number | null;
  readonly gpuUtilizationPercent: number | null;
  readonly gpuMemoryBytes: number | null;
  readonly cpuPowerW: number | null;
  readonly gpuPowerW: number | null;
  /** Of both together; of the GPUs alone where the processors' is not known, but never of processors alone where a GPU computes. */
  readonly powerW: number | null;
}

/** Of the rounds that count, over all launches. */
export function useOf(batches: readonly Pick<MeasuredBatch, "launches">[]): UseFigures {
  const rounds = batches
    .flatMap(({ launches }) => launches.flatMap((launch) => launch.rounds))
    .filter(({ chosen }) => chosen);
  const meanOf = (figure: (round: RoundReport) => number | null | undefined): number | null => {
    const known = rounds.map(figure).filter((value) => value !== null && value !== undefined);
    return known.length === 0 ? null : mean(known);
  };
  const ownLoad = meanOf((round) => round.ownLoad);
  return {
    cpuUtilizationPercent: ownLoad === null ? null : 100 * ownLoad,
    gpuUtilizationPercent: meanOf(({ power }) => power?.gpu?.utilizationPercent),
    gpuMemoryBytes: largestPeak(rounds.map(({ power }) => power?.gpu?.memoryBytes ?? null)),
    cpuPowerW: meanOf(({ power }) => power?.cpuWatts),
    gpuPowerW: meanOf(({ power }) => power?.gpu?.watts),
    powerW: meanOf(({ power }) => power && wattsOf(power)),
  };
}

function wattsOf({ cpuWatts, gpu }: PowerUse): number | null {
  if (gpu === null) return cpuWatts;
  return gpu.watts === null ? null : (cpuWatts ?? 0) + gpu.watts;
}
