import type { Client } from "../src/client/index.ts";
import type { FeedEvent } from "../src/contracts/index.ts";
import { monotonicMs } from "./monotonic-ms.ts";

interface Seen {
  event: FeedEvent;
  atMs: number;
}

/** One event stream for all runs of a submitter. */
export class RunEvents {
  private readonly seen = new Map<string, Seen>();
  private readonly waiting = new Map<string, (seen: Seen) => void>();
  private readonly stop = new AbortController();
  private readonly ended: Promise<void>;

  static async open(client: Client, type: FeedEvent["type"]): Promise<RunEvents> {
    const { seq } = await client.status();
    return new RunEvents(client, { after: seq, type });
  }

  /** Wall time, as the coordinator tells it, of the event of this type for each of the runs. */
  static async collect(
    client: Client,
    { after, type, runs }: { after: number; type: FeedEvent["type"]; runs: ReadonlyMap<string, unknown> },
  ): Promise<Map<string, number>> {
    const times = new Map<string, number>();
    for await (const { run_id: runId, time } of client.events({ after, type })) {
      if (runId !== undefined && runs.has(runId)) times.set(runId, Date.parse(time));
      if (times.size === runs.size) break;
    }
    return times;
  }

  private constructor(client: Client, query: { after: number; type: FeedEvent["type"] }) {
    this.ended = this.follow(client, query);
  }

  /** The run's event, which may have come already. */
  of(runId: string): Promise<Seen> {
    const known = this.seen.get(runId);
    this.seen.delete(runId);
    if (known) return Promise.resolve(known);
    return new Promise((resolve) => this.waiting.set(runId, resolve));
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.ended;
  }

  private async follow(client: Client, query: { after: number; type: FeedEvent["type"] }): Promise<void> {
    for await (const event of client.events(query, this.stop.signal)) {
      if (event.run_id === undefined) continue;
      const seen = { event, atMs: monotonicMs() };
      const waiter = this.waiting.get(event.run_id);
      this.waiting.delete(event.run_id);
      if (waiter) waiter(seen);
      else this.seen.set(event.run_id, seen);
    }
  }
}
