import type { AnswerCheck } from "./answer-check.ts";
import type { AnswerHead, AnswerReader } from "./exchange.ts";
import type { Excerpt } from "./excerpt.ts";
import { ProblemError } from "./problem.ts";
import { StreamMeter } from "./stream-meter.ts";

/** Of the body of a wrong answer that is not read otherwise, for its message. */
const QUOTED_BYTES = 1_000;

/** Takes the body of one answer, as far as somebody wants to know of it. */
export class AnswerBody implements AnswerReader {
  bytes = 0;
  private meter: StreamMeter | undefined;
  private kept: Buffer[] = [];
  private keptBytes = 0;
  private readonly check: AnswerCheck;
  private readonly stream: boolean;
  private readonly excerpt: Excerpt;

  constructor({ check, stream, excerpt }: { check: AnswerCheck; stream: boolean; excerpt: Excerpt }) {
    this.check = check;
    this.stream = stream;
    this.excerpt = excerpt;
  }

  head({ status, headers }: AnswerHead): void {
    this.kept = [];
    this.keptBytes = 0;
    const isStream = /^text\/event-stream\b/i.test(headers["content-type"] ?? "") && status < 300;
    this.meter = this.stream && isStream ? new StreamMeter(this.excerpt) : undefined;
  }

  chunk(bytes: Buffer, nowMs: number): void {
    this.bytes += bytes.length;
    if (this.meter !== undefined) this.meter.push(bytes, nowMs);
    else if (this.check.readsBody || this.keptBytes < QUOTED_BYTES) {
      this.kept.push(bytes);
      this.keptBytes += bytes.length;
    }
  }

  /** Whether the whole answer is what was expected. @throws ProblemError */
  judge(head: AnswerHead): StreamMeter["times"] | undefined {
    const { check, meter } = this;
    try {
      check.head(head);
    } catch (error) {
      if (!(error instanceof ProblemError) || meter !== undefined || this.keptBytes === 0) throw error;
      throw new ProblemError(error.kind, `${error.message}; the body begins ${this.quotation()}`);
    }
    if (meter === undefined) {
      if (this.stream)
        throw new ProblemError("not_a_stream", `the answer is not text/event-stream: ${this.quotation()}`);
      check.bytes(Buffer.concat(this.kept));
      return undefined;
    }
    meter.end();
    check.text(meter.times.text);
    return meter.times;
  }

  private quotation(): string {
    return this.excerpt(new TextDecoder().decode(Buffer.concat(this.kept).subarray(0, QUOTED_BYTES)));
  }
}
