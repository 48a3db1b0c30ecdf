import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { startChild, stopChild } from "./child.ts";
import type { LoadSettings } from "./load-settings.ts";
import type { Arrival, FromLoadWorkers } from "./worker-observer.ts";

export interface LoadOptions {
  coordinator: { url: string; token: string };
  workers: number;
  credits: number;
  /** Processes among which the workers are shared. */
  processes: number;
  settings: LoadSettings;
}

export interface LoadReport {
  heartbeats: number;
  lateHeartbeats: number;
  /** The longest that an acknowledged heartbeat waited for its answer. */
  slowestAckMs: number;
  arrivals: Arrival[];
}

/** Processes of load workers under one roof. */
export class LoadGenerators {
  private readonly children: readonly ChildProcess[];
  private readonly counts = new Map<ChildProcess, { acked: number; closed: number }>();
  private readonly watchers = new Set<() => void>();

  /** Resolves when all workers are connected. */
  static async start(options: LoadOptions): Promise<LoadGenerators> {
    const { coordinator, workers, credits, processes, settings } = options;
    const share = Math.ceil(workers / processes);
    const started = await Promise.allSettled(
      Array.from({ length: processes }, (_, index) => {
        const count = Math.min(share, workers - index * share);
        const own = JSON.stringify({ ...settings, firstIndex: index * share });
        return startChild("./load-workers.ts", [
          coordinator.url,
          coordinator.token,
          String(count),
          String(credits),
          own,
        ]);
      }),
    );
    const children = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const generators = new LoadGenerators(children);
    if (children.length === processes) return generators;
    await generators.stop();
    throw new Error("a process of load workers did not start");
  }

  private constructor(children: readonly ChildProcess[]) {
    this.children = children;
    for (const child of children) {
      child.on("message", (message: FromLoadWorkers) => {
        if (message.type !== "progress") return;
        this.counts.set(child, message);
        for (const watcher of this.watchers) watcher();
      });
    }
  }

  /** Results that the coordinator acknowledged. */
  get acked(): number {
    return this.sum("acked");
  }

  /** Sessions that ended. */
  get closed(): number {
    return this.sum("closed");
  }

  /** Lets workers on hold answer. */
  go(): void {
    for (const child of this.children) child.send("go");
  }

  /** Resolves with the time when so many results are acknowledged; null when the time is over before. */
  async untilAcked(count: number, limitMs: number): Promise<number | null> {
    const reached = Promise.withResolvers<number | null>();
    const look = (): void => {
      if (this.acked >= count) reached.resolve(performance.now());
    };
    const timer = setTimeout(() => reached.resolve(null), limitMs);
    this.watchers.add(look);
    look();
    try {
      return await reached.promise;
    } finally {
      clearTimeout(timer);
      this.watchers.delete(look);
    }
  }

  /** What was observed since the last report. */
  async report(): Promise<LoadReport> {
    const reports = await Promise.all(this.children.map(reportOf));
    return {
      heartbeats: reports.reduce((sum, { heartbeats }) => sum + heartbeats, 0),
      lateHeartbeats: reports.reduce((sum, { lateHeartbeats }) => sum + lateHeartbeats, 0),
      slowestAckMs: Math.max(...reports.map(({ slowestAckMs }) => slowestAckMs)),
      arrivals: reports.flatMap(({ arrivals }) => arrivals),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.children.map(stopChild));
  }

  private sum(name: "acked" | "closed"): number {
    let sum = 0;
    for (const counts of this.counts.values()) sum += counts[name];
    return sum;
  }
}

async function reportOf(child: ChildProcess): Promise<LoadReport> {
  child.send("report");
  for (;;) {
    const [message] = (await once(child, "message")) as [FromLoadWorkers];
    if (message.type === "report") return message;
  }
}
