import { readKernelFile } from "./kernel-file.ts";

/** A tick of what the kernel tells programs, on all architectures that Node runs on. */
const TICK_MS = 10;
const STEAL = 8;

/** Since the machine started, the time that its host gave to others while it wanted to run: proc_stat(5), "steal". 0 where it is not known. */
export function stealMs(stat = readKernelFile("/proc/stat")): number {
  const ticks = Number(stat?.split("\n", 1)[0]?.split(/\s+/)[STEAL]);
  return Number.isFinite(ticks) ? ticks * TICK_MS : 0;
}
