import { readFileSync, writeFileSync } from "node:fs";
import type { PeakMemory } from "./inference-host.ts";

/** The process that runs the model. */
export interface MeasuredProcess {
  readonly pid: number;
  /** `maxRSS` of getrusage; `null` where there is none. */
  readonly maxRssBytes: () => Promise<number | null>;
}

/**
 * Linux: `VmHWM` of /proc/PID/status, not `maxRSS`: the kernel hands the parent's maximum down to a forked child, so a child of a large
 * worker would report the worker's memory. Elsewhere `maxRSS` of getrusage, which has the whole process's life in it.
 */
export function processPeakMemory({ pid, maxRssBytes }: MeasuredProcess): PeakMemory {
  const nothing = (): Promise<void> => Promise.resolve();
  if (highWaterMarkBytes(pid) === undefined) return { source: "max_rss", reset: nothing, peakBytes: maxRssBytes };
  const peakBytes = async (): Promise<number | null> => highWaterMarkBytes(pid) ?? maxRssBytes();
  return resetHighWaterMark(pid)
    ? { source: "vm_hwm_reset", reset: () => Promise.resolve(void resetHighWaterMark(pid)), peakBytes }
    : { source: "vm_hwm", reset: nothing, peakBytes };
}

function highWaterMarkBytes(pid: number): number | undefined {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}

function resetHighWaterMark(pid: number): boolean {
  try {
    // 5 = reset the peak resident set size (proc(5)).
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
    return true;
  } catch {
    return false;
  }
}
