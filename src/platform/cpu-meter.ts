import { cpus } from "node:os";
import { stealMs } from "./linux/steal-time.ts";

/** The share of time that the machine's cores were busy, between one reading and the next. */
export class CpuMeter {
  private before = cpuTimes();
  private lastPercent = 0;

  percent(): number {
    const now = cpuTimes();
    const elapsedMs = now.totalMs - this.before.totalMs;
    // Two readings within one tick of the kernel's clock say nothing new.
    if (elapsedMs <= 0) return this.lastPercent;
    const busyMs = Math.max(0, now.busyMs - this.before.busyMs);
    this.lastPercent = Math.min(100, (100 * busyMs) / elapsedMs);
    this.before = now;
    return this.lastPercent;
  }
}

/** What all cores together did since the machine started. What a virtual machine's host kept from it counts as busy. */
export function cpuTimes(): { busyMs: number; totalMs: number } {
  const stolenMs = stealMs();
  const times = { busyMs: stolenMs, totalMs: stolenMs };
  for (const { times: core } of cpus()) {
    const busyMs = core.user + core.nice + core.sys + core.irq;
    times.busyMs += busyMs;
    times.totalMs += busyMs + core.idle;
  }
  return times;
}
