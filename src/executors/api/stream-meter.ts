import type { Excerpt } from "./excerpt.ts";
import { ProblemError } from "./problem.ts";
import { ServerSentEvents } from "./server-sent-events.ts";

/** When the tokens of one stream came. */
export interface StreamTimes {
  /** Null when the stream had none. */
  firstMs: number | null;
  lastMs: number;
  /** Events with content. A server may put several tokens into one. */
  chunks: number;
  /** As the server counted; null when it did not tell. */
  usageTokens: number | null;
  /** Between one event with content and the next. */
  gapsMs: number[];
  /** The content of all events. */
  text: string;
}

interface Choice {
  delta?: Record<string, unknown> | null;
  text?: unknown;
  finish_reason?: unknown;
}

/** What matters here of the answer of a chat completion, or of a completion, in OpenAI's format. */
interface CompletionChunk {
  error?: unknown;
  choices?: Choice[];
  usage?: { completion_tokens?: unknown } | null;
}

/**
 * Times the events of a stream. In OpenAI's format an event counts when it brings content: text, reasoning, or arguments of a
 * tool; in any other format every event counts.
 */
export class StreamMeter {
  readonly times: StreamTimes = { firstMs: null, lastMs: 0, chunks: 0, usageTokens: null, gapsMs: [], text: "" };
  private readonly excerpt: Excerpt;
  private readonly events = new ServerSentEvents((data) => this.event(data));
  private nowMs = 0;
  private isCompletion = false;
  private isDone = false;
  private texts: string[] = [];

  constructor(excerpt: Excerpt) {
    this.excerpt = excerpt;
  }

  push(bytes: Uint8Array, nowMs: number): void {
    this.nowMs = nowMs;
    this.events.push(bytes);
  }

  /** @throws ProblemError when the stream has no content, or ended before it said that it was done */
  end(): void {
    this.events.end();
    this.times.text = this.texts.join("");
    if (this.times.chunks === 0) throw new ProblemError("stream_empty", "the stream ended without any content");
    if (this.isCompletion && !this.isDone) {
      throw new ProblemError(
        "stream_cut",
        `the stream ended after ${this.times.chunks} chunks without a finish_reason or [DONE]`,
      );
    }
  }

  private event(data: string): void {
    if (data === "[DONE]") {
      this.isDone = true;
      return;
    }
    const chunk = completionChunk(data);
    if (chunk?.error !== undefined && chunk.error !== null) {
      throw new ProblemError("stream_error", `the stream says ${this.excerpt(data)}`);
    }
    if (Array.isArray(chunk?.choices)) {
      this.isCompletion = true;
      const tokens = chunk.usage?.completion_tokens;
      if (typeof tokens === "number" && Number.isSafeInteger(tokens) && tokens >= 0) this.times.usageTokens = tokens;
      if (chunk.choices.some((choice) => typeof choice?.finish_reason === "string")) this.isDone = true;
      this.content(chunk.choices.map(contentOf).join(""));
    } else {
      this.content(data);
    }
  }

  private content(text: string): void {
    if (text === "") return;
    const { times, nowMs } = this;
    if (times.firstMs === null) times.firstMs = nowMs;
    else times.gapsMs.push(nowMs - times.lastMs);
    times.lastMs = nowMs;
    times.chunks += 1;
    this.texts.push(text);
  }
}

function completionChunk(data: string): CompletionChunk | undefined {
  if (!data.startsWith("{")) return undefined;
  try {
    return JSON.parse(data) as CompletionChunk;
  } catch {
    return undefined;
  }
}

function contentOf(choice: Choice | null): string {
  const { content, reasoning_content, reasoning, tool_calls } = choice?.delta ?? {};
  const calls: unknown[] = Array.isArray(tool_calls) ? tool_calls : [];
  return [choice?.text, content, reasoning_content ?? reasoning, ...calls.map((call) => JSON.stringify(call))]
    .filter((part) => typeof part === "string")
    .join("");
}
