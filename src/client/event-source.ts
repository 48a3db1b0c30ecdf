import { AssayError } from "../base/index.ts";
import { feedEvent } from "../contracts/index.ts";
import type { FeedEvent } from "../contracts/index.ts";
import { lines } from "./http.ts";
import type { Http } from "./http.ts";

const RECONNECT_MS = 500;
/** Answers after which it makes no sense to ask again. */
const PATIENT = new Set([
  "coordinator_unreachable",
  "not_leader",
  "shutting_down",
  "journal_unavailable",
  "rate_limited",
]);

/**
 * The events after a sequence, each once and in order, for as long as the reader wants. Connects again from the last one when
 * the connection breaks.
 */
export async function* followEvents(
  http: Http,
  query: { after: number; run_id?: string | undefined; type?: string | undefined },
  signal?: AbortSignal,
): AsyncGenerator<FeedEvent> {
  let { after } = query;
  while (!signal?.aborted) {
    try {
      const response = await http.response("/api/v1/events", {
        query: { ...query, after },
        headers: { accept: "text/event-stream" },
        signal,
      });
      for await (const event of parseEvents(lines(response.body ?? emptyBody()))) {
        after = event.seq;
        yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof AssayError && !PATIENT.has(error.code)) throw error;
    }
    await pause(RECONNECT_MS, signal);
  }
}

/** Server-sent events (WHATWG HTML, section 9.2.6), of which only `data` is needed: it holds the sequence too. */
export async function* parseEvents(source: AsyncIterable<string>): AsyncGenerator<FeedEvent> {
  let data: string[] = [];
  for await (const line of source) {
    if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    if (line !== "" || data.length === 0) continue;
    yield feedEvent.parse(JSON.parse(data.join("\n")));
    data = [];
  }
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, delayMs);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done, { once: true });
  });
}
