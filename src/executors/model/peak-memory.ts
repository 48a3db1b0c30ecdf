import { readFileSync, writeFileSync } from "node:fs";
import type { PeakMemory } from "./inference-host.ts";

/**
 * Linux: `VmHWM` of /proc/self/status, not `maxRSS`: the kernel hands the parent's maximum down to a forked child, so a child of a large
 * worker would report the worker's memory. Elsewhere `maxRSS` of getrusage, which has the whole process's life in it.
 */
export function processPeakMemory(): PeakMemory {
  const nothing = (): Promise<void> => Promise.resolve();
  if (highWaterMarkBytes() === undefined) {
    const peakBytes = (): Promise<number> => Promise.resolve(process.resourceUsage().maxRSS * 1024);
    return { source: "max_rss", reset: nothing, peakBytes };
  }
  const peakBytes = (): Promise<number> => Promise.resolve(highWaterMarkBytes() ?? process.memoryUsage.rss());
  return resetHighWaterMark()
    ? { source: "vm_hwm_reset", reset: () => Promise.resolve(void resetHighWaterMark()), peakBytes }
    : { source: "vm_hwm", reset: nothing, peakBytes };
}

function highWaterMarkBytes(): number | undefined {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}

function resetHighWaterMark(): boolean {
  try {
    // 5 = reset the peak resident set size (proc(5)).
    writeFileSync("/proc/self/clear_refs", "5");
    return true;
  } catch {
    return false;
  }
}
