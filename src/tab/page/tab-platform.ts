import type { WorkerId } from "../../base/index.ts";
import type { Platform } from "../../platform/index.ts";
import { page } from "./browser.ts";

/** A browser says what it likes: more than this is not believed. */
const MOST_CORES = 32;
const MOST_MEMORY_GB = 8;

/** Named as Node names them. Only what is certain of a user agent, which is made to look like others. */
const systems: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["android", /Android/],
  ["ios", /iPhone|iPad/],
  ["win32", /Windows NT/],
  ["darwin", /Macintosh/],
  ["linux", /Linux/],
];
const browsers: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["Edge", /Edg(?:A|iOS)?\/(\d+)/],
  ["Firefox", /(?:Firefox|FxiOS)\/(\d+)/],
  ["Chrome", /(?:Headless)?(?:Chrome|CriOS)\/(\d+)/],
  ["Safari", /Version\/(\d+).* Safari\//],
];

/** The browser and its main version, e.g. `Chrome 153`, as it says. */
export function browserName(userAgent: string): string {
  for (const [name, pattern] of browsers) {
    const version = pattern.exec(userAgent)?.[1];
    if (version !== undefined) return `${name} ${version}`;
  }
  return "unknown browser";
}

/** What a page is told of its machine: nothing that is proven, and little at that. Each tab is a machine of its own. */
export function tabPlatform(workerId: WorkerId): Platform {
  const { userAgent, hardwareConcurrency = 1, deviceMemory = 1 } = page.navigator;
  const cores = Math.floor(within(hardwareConcurrency, 1, MOST_CORES));
  const memoryBytes = within(deviceMemory, 0, MOST_MEMORY_GB) * 1e9;
  const system = systems.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? "unknown";
  return {
    facts: () =>
      Promise.resolve({
        hostname: workerId,
        os: { platform: system, release: "unknown", arch: "unknown" },
        cpu: { model: `unknown, in ${browserName(userAgent)} on ${system}`, usableCores: cores, threads: cores },
        memory: { totalBytes: memoryBytes, usableBytes: memoryBytes },
        diskFreeBytes: 0,
        gpus: [],
      }),
    load: () => Promise.resolve({ cpu_percent: 0, memory_used_gb: 0 }),
    freeDiskBytes: () => undefined,
    get processes(): never {
      throw new Error("a page sees no processes");
    },
  };
}

function within(value: unknown, least: number, most: number): number {
  return typeof value === "number" && value >= least ? Math.min(value, most) : least;
}
