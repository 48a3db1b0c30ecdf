import { readFile } from "node:fs/promises";

const KIB_PER_GB = 1e9 / 1024;
/** Linux counts processor time in hundredths of a second, on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface ProcessUsage {
  rssGb: number;
  /** The most memory so far. */
  peakGb: number;
  /** Processor time of all threads since the start. */
  cpuSeconds: number;
}

/** What a process with all its threads takes, as Linux counts it. */
export async function usageOf(pid: number): Promise<ProcessUsage> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const gb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / KIB_PER_GB;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name of the program stands in brackets and may hold spaces; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  return { rssGb: gb("VmRSS"), peakGb: gb("VmHWM"), cpuSeconds };
}
