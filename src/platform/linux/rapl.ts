import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorMessage } from "../../base/index.ts";
import { entriesOf, readKernelFile } from "./kernel-file.ts";

const MICROJOULES = 1e6;

/** The energy counter of one processor package. */
interface Package {
  readonly file: string;
  /** The counter begins anew after so much. */
  readonly range: number;
  last: number;
}

/** The energy that all processor packages took, by RAPL: counters of Intel's and AMD's processors that Linux shows. */
export class RaplCounters {
  private readonly packages: readonly Package[];
  private total = 0;

  private constructor(packages: readonly Package[]) {
    this.packages = packages;
  }

  /** The counters of this machine, or why there are none. */
  static open(root: string): RaplCounters | { readonly missing: string } {
    const folder = join(root, "sys/class/powercap");
    // What stands below a package, as its cores, is part of it.
    const zones = entriesOf(folder).filter((name) => /^intel-rapl:\d+$/.test(name));
    const packages = zones.filter((zone) => readKernelFile(join(folder, zone, "name"))?.startsWith("package"));
    if (packages.length === 0) return { missing: "this machine shows no energy counters in /sys/class/powercap" };
    try {
      return new RaplCounters(packages.map((zone) => openPackage(join(folder, zone))));
    } catch (error) {
      return { missing: `the energy counters can be read by root only, or not at all: ${errorMessage(error)}` };
    }
  }

  /** Since it was opened; null once a counter cannot be read. To be asked more often than a counter begins anew: every few minutes. */
  joules(): number | null {
    try {
      for (const one of this.packages) {
        const now = numberIn(join(one.file, "energy_uj"));
        this.total += now >= one.last ? now - one.last : now + one.range - one.last;
        one.last = now;
      }
    } catch {
      return null;
    }
    return this.total / MICROJOULES;
  }
}

function openPackage(file: string): Package {
  return { file, range: numberIn(join(file, "max_energy_range_uj")), last: numberIn(join(file, "energy_uj")) };
}

/** Throws what reading throws, and for what is no number. */
function numberIn(file: string): number {
  const text = readFileSync(file, "utf8").trim();
  if (!/^\d+$/.test(text)) throw new Error(`${file} holds no number`);
  return Number(text);
}
