import { AsyncQueue } from "../base/index.ts";
import type { LiveLog, LogChunk } from "./control.ts";

/** How much of a running attempt's output is kept for those who come later, in UTF-16 units. */
const KEEP_LENGTH = 64 * 1024;

interface Tail {
  chunks: LogChunk[];
  length: number;
  readers: Set<AsyncQueue<LogChunk>>;
}

/** The output of running attempts, as far as workers send it while it appears. All of it comes later, as an artifact. */
export class LiveLogs implements LiveLog {
  private readonly tails = new Map<number, Tail>();
  private readonly leaseSeqOf: (attempt: { runId: string; taskId: string; attempt: number }) => number | undefined;

  /** `leaseSeqOf` finds the current lease of an attempt, undefined when it does not run. */
  constructor(leaseSeqOf: (attempt: { runId: string; taskId: string; attempt: number }) => number | undefined) {
    this.leaseSeqOf = leaseSeqOf;
  }

  append(leaseSeq: number, chunk: LogChunk): void {
    const tail = this.tailOf(leaseSeq);
    tail.chunks.push(chunk);
    tail.length += chunk.text.length;
    while (tail.length > KEEP_LENGTH && tail.chunks.length > 1) tail.length -= tail.chunks.shift()?.text.length ?? 0;
    for (const reader of tail.readers) reader.push(chunk);
  }

  /** The attempt ended: readers get what is there, then the end. */
  end(leaseSeq: number): void {
    const tail = this.tails.get(leaseSeq);
    this.tails.delete(leaseSeq);
    for (const reader of tail?.readers ?? []) reader.close();
  }

  async *follow(
    attempt: { runId: string; taskId: string; attempt: number },
    signal: AbortSignal,
  ): AsyncGenerator<LogChunk> {
    const leaseSeq = this.leaseSeqOf(attempt);
    if (leaseSeq === undefined || signal.aborted) return;
    const tail = this.tailOf(leaseSeq);
    const reader = new AsyncQueue<LogChunk>();
    for (const chunk of tail.chunks) reader.push(chunk);
    tail.readers.add(reader);
    const stop = (): void => reader.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      yield* reader;
    } finally {
      signal.removeEventListener("abort", stop);
      tail.readers.delete(reader);
    }
  }

  private tailOf(leaseSeq: number): Tail {
    const known = this.tails.get(leaseSeq);
    if (known) return known;
    const made: Tail = { chunks: [], length: 0, readers: new Set() };
    this.tails.set(leaseSeq, made);
    return made;
  }
}
