import type { Clock, Timer } from "../../base/index.ts";
import type { GpuUse, PowerSource, PowerUse, PowerWatch, PowerWatchOptions } from "../power.ts";
import { amdSensors } from "./amd-sensors.ts";
import type { AmdSensor } from "./amd-sensors.ts";
import { GpuSamples } from "./gpu-samples.ts";
import { sampleNvidia } from "./nvidia-sampler.ts";
import type { NvidiaSampler } from "./nvidia-sampler.ts";
import { RaplCounters } from "./rapl.ts";

const INTERVAL_MS = 100;
/** Counters move about once in a millisecond, and the ends of a span are told by messages. */
const LEAST_SPAN_MS = 2 * INTERVAL_MS;

export interface LinuxPowerOptions extends PowerWatchOptions {
  /** Where /sys is looked for. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** Processors by their energy counters, NVIDIA's GPUs by `nvidia-smi`, AMD's by what amdgpu shows. */
export async function watchLinuxPower(options: LinuxPowerOptions): Promise<PowerWatch> {
  const { root, env, clock, gpus } = options;
  const samples = new GpuSamples();
  const has = (vendor: string): boolean => gpus?.some((gpu) => gpu.vendor === vendor) ?? false;
  const onSample: Parameters<typeof sampleNvidia>[0]["onSample"] = (gpu, sample) =>
    samples.add(`nvidia ${gpu}`, clock.monotonicMs(), sample);
  const nvidia = has("NVIDIA") ? await sampleNvidia({ env, clock, onSample, intervalMs: INTERVAL_MS }) : undefined;
  const amd = gpus === null ? [] : amdSensors(root);
  const gpu = gpuSource(nvidia, amd, { expectsAmd: has("AMD") });
  return new LinuxPowerWatch({ rapl: RaplCounters.open(root), samples, nvidia, amd, gpu }, clock);
}

/** All that there are, or why not all of them tell. */
function gpuSource(
  nvidia: NvidiaSampler | { readonly missing: string } | undefined,
  amd: readonly AmdSensor[],
  { expectsAmd }: { readonly expectsAmd: boolean },
): PowerSource | null {
  if (nvidia !== undefined && "missing" in nvidia) return nvidia;
  if (expectsAmd && amd.length === 0) return { missing: "amdgpu shows no power below /sys/class/drm" };
  const sources = [...(nvidia === undefined ? [] : [nvidia.source]), ...(amd.length === 0 ? [] : ["amdgpu"])];
  return sources.length === 0 ? null : { source: sources.join(" and ") };
}

const nothingKnown: GpuUse = { watts: null, utilizationPercent: null, memoryBytes: null };

interface Sources {
  readonly rapl: RaplCounters | { readonly missing: string };
  readonly nvidia: NvidiaSampler | { readonly missing: string } | undefined;
  readonly amd: readonly AmdSensor[];
  readonly samples: GpuSamples;
  readonly gpu: PowerSource | null;
}

class LinuxPowerWatch implements PowerWatch {
  readonly intervalMs = INTERVAL_MS;
  readonly cpu: PowerSource;
  readonly gpu: PowerSource | null;
  private readonly sources: Sources;
  private readonly clock: Clock;
  private timer: Timer | undefined;

  constructor(sources: Sources, clock: Clock) {
    this.sources = sources;
    this.clock = clock;
    this.cpu = sources.rapl instanceof RaplCounters ? { source: "RAPL" } : sources.rapl;
    this.gpu = sources.gpu;
    this.sample();
  }

  span(): () => PowerUse {
    const { samples } = this.sources;
    samples.clear();
    const fromMs = this.clock.monotonicMs();
    const joulesBefore = this.joules();
    return () => {
      const toMs = this.clock.monotonicMs();
      const joules = this.joules();
      const lastsMs = toMs - fromMs;
      const gpu = this.gpu === null ? null : nothingKnown;
      if (lastsMs < LEAST_SPAN_MS) return { cpuWatts: null, gpu };
      const cpuWatts = joulesBefore === null || joules === null ? null : (joules - joulesBefore) / (lastsMs / 1000);
      const samplesGpus = this.gpu !== null && "source" in this.gpu;
      return { cpuWatts, gpu: samplesGpus ? samples.useOf(fromMs, toMs) : gpu };
    };
  }

  stop(): void {
    this.timer?.cancel();
    const { nvidia } = this.sources;
    if (nvidia !== undefined && "stop" in nvidia) nvidia.stop();
  }

  private joules(): number | null {
    const { rapl } = this.sources;
    return rapl instanceof RaplCounters ? rapl.joules() : null;
  }

  /** Now, and again as long as there is something to read. */
  private sample(): void {
    const { rapl, amd, samples } = this.sources;
    if (!(rapl instanceof RaplCounters) && amd.length === 0) return;
    // So that no counter begins anew twice without being seen.
    this.joules();
    for (const sensor of amd) samples.add(`amd ${sensor.name}`, this.clock.monotonicMs(), sensor.read());
    this.timer = this.clock.setTimer(INTERVAL_MS, () => this.sample());
  }
}
