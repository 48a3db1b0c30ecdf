import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { errorMessage } from "../../base/index.ts";
import type { Clock } from "../../base/index.ts";
import type { GpuSample } from "./gpu-samples.ts";

/** A driver tool that hangs must not hold a measurement. */
const FIRST_SAMPLE_MS = 15_000;
const MIB = 1024 * 1024;

export interface NvidiaOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly onSample: (gpu: string, sample: GpuSample) => void;
}

/** `nvidia-smi`, which goes on telling what all NVIDIA GPUs draw. */
export interface NvidiaSampler {
  readonly source: string;
  stop(): void;
}

/** Resolves with the first sample, or with why none comes. */
export async function sampleNvidia(options: NvidiaOptions): Promise<NvidiaSampler | { readonly missing: string }> {
  // `power.draw` is an average over a second on most GPUs since 2020, and all that drivers before 2023 know.
  const instant = await startLoop("power.draw.instant", options);
  return "stop" in instant ? instant : startLoop("power.draw", options);
}

function startLoop(power: string, options: NvidiaOptions): Promise<NvidiaSampler | { readonly missing: string }> {
  const { env, intervalMs, clock, onSample } = options;
  const fields = ["index", power, "utilization.gpu", "memory.used"].join(",");
  const child = spawn(
    "nvidia-smi",
    [`--query-gpu=${fields}`, "--format=csv,noheader,nounits", `--loop-ms=${intervalMs}`],
    {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const stop = (): void => void child.kill("SIGKILL");
  return new Promise((resolve) => {
    let said = "";
    const limit = clock.setTimer(FIRST_SAMPLE_MS, () => {
      stop();
      resolve({ missing: "nvidia-smi gives no answer" });
    });
    const settle = (outcome: NvidiaSampler | { readonly missing: string }): void => {
      limit.cancel();
      resolve(outcome);
    };
    child.on("error", (error) => settle({ missing: `nvidia-smi cannot be started: ${errorMessage(error)}` }));
    child.on("close", () => settle({ missing: `nvidia-smi ended: ${said}` }));
    linesOf(child, (line) => {
      const read = parseNvidiaLine(line);
      if (read === undefined) {
        said = line.slice(0, 300);
        return;
      }
      onSample(read.gpu, read.sample);
      settle({ source: `nvidia-smi, ${power}`, stop });
    });
  });
}

function linesOf({ stdout }: ChildProcess, take: (line: string) => void): void {
  if (stdout !== null) createInterface({ input: stdout }).on("line", take);
}

/** A line of `index, power, utilization, memory in MiB`; the tool writes `[N/A]` for what a GPU does not tell. */
export function parseNvidiaLine(line: string): { gpu: string; sample: GpuSample } | undefined {
  const [gpu = "", watts, utilization, memory] = line.split(",").map((cell) => cell.trim());
  if (!/^\d+$/.test(gpu) || memory === undefined) return undefined;
  const memoryMib = numberOf(memory);
  return {
    gpu,
    sample: {
      watts: numberOf(watts),
      utilizationPercent: numberOf(utilization),
      memoryBytes: memoryMib === null ? null : memoryMib * MIB,
    },
  };
}

function numberOf(cell: string | undefined): number | null {
  return cell !== undefined && /^\d+(\.\d+)?$/.test(cell) ? Number(cell) : null;
}
