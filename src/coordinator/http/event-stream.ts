import type { Clock } from "../../base/index.ts";
import type { FeedEvent } from "../../contracts/index.ts";
import type { ReadModel } from "../control.ts";
import { settlesWithin } from "./settles-within.ts";

const EVENTS_PER_READ = 256;
/** How long a browser waits before it connects again. */
const RETRY_MS = 1_000;

export interface EventStreamOptions {
  readModel: Pick<ReadModel, "feed" | "grown">;
  clock: Clock;
  heartbeatMs: number;
  afterSeq: number;
  runId: string | undefined;
  type: string | undefined;
  signal: AbortSignal;
  /** Asked before each write: a token may be revoked while its stream is open. */
  stillAllowed: () => boolean;
}

/**
 * The journal's feed as server-sent events, read only as fast as the client takes it: nothing is kept for a slow one. Each
 * event's id is its place in the journal, so a client that connects again with its last id misses and repeats nothing.
 */
export async function* eventStream(options: EventStreamOptions): AsyncGenerator<string, void, undefined> {
  const { readModel, signal, stillAllowed, runId, type } = options;
  let afterSeq = options.afterSeq;
  yield `retry: ${RETRY_MS}\n\n`;
  while (!signal.aborted && stillAllowed()) {
    const { events, nextSeq } = await readModel.feed(afterSeq, { limit: EVENTS_PER_READ, runId, type });
    if (events.length > 0) yield events.map(eventText).join("");
    if (nextSeq > afterSeq) {
      afterSeq = nextSeq;
      continue;
    }
    const grown = readModel.grown(afterSeq, signal);
    while (!(await settlesWithin(grown, options)) && stillAllowed()) {
      // The id tells a client that sees only some of the events how far it has come.
      yield `: heartbeat\nid: ${afterSeq}\n\n`;
    }
  }
}

function eventText(event: FeedEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
