import type { ChildProcess } from "node:child_process";
import { z } from "zod";
import { Site } from "../test/support/assay-process.ts";
import { startChild, stopChild } from "./child.ts";

/** How long a fleet takes to be back after its coordinator was killed and started again. */
const PROCESSES = 2;
const LIMIT_MS = 180_000;
const progress = z.object({ welcome: z.int() });

class Fleet {
  private readonly welcome = new Map<ChildProcess, number>();
  private look = (): void => undefined;

  static async start(link: { url: string; token: string }, workers: number): Promise<Fleet> {
    const fleet = new Fleet();
    const share = Math.ceil(workers / PROCESSES);
    for (let first = 0; first < workers; first += share) {
      const count = String(Math.min(share, workers - first));
      const child = await startChild("./steady-workers.ts", [link.url, link.token, count, String(first)]);
      fleet.welcome.set(child, 0);
      child.on("message", (message) => {
        fleet.welcome.set(child, progress.parse(message).welcome);
        fleet.look();
      });
    }
    return fleet;
  }

  /** Resolves when exactly so many workers are welcome. */
  async are(workers: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = setTimeout(() => reject(new Error(`${this.count()} of ${workers} workers are connected`)), LIMIT_MS);
    this.look = () => this.count() === workers && resolve();
    this.look();
    await promise.finally(() => clearTimeout(late));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.welcome.keys()].map(stopChild));
  }

  private count(): number {
    return [...this.welcome.values()].reduce((sum, one) => sum + one, 0);
  }
}

/** Seconds from the kill -9 of the coordinator, which is started again at once, until all workers are welcome again. */
export async function secondsUntilAllAreBack(workers: number): Promise<number> {
  await using site = await Site.open();
  const link = await site.coordinator();
  const fleet = await Fleet.start(link, workers);
  try {
    await fleet.are(workers);
    const lostMs = performance.now();
    await link.process.stop("SIGKILL");
    await fleet.are(0);
    await site.coordinator(Number(new URL(link.url).port));
    await fleet.are(workers);
    return (performance.now() - lostMs) / 1000;
  } finally {
    await fleet.stop();
  }
}
