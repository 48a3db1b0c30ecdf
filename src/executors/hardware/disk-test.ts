import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import type { Clock } from "../../base/index.ts";

const CHUNK_BYTES = 1_000_000;
const SYNC_BYTES = 4_096;
const MAX_SYNCS = 1_000;

export interface DiskBounds {
  seconds: number;
  chunks: number;
  clock: Clock;
  signal: AbortSignal;
}

/** A file of chunks that are all different, and random, so that no disk can pack them. */
export class DiskTest {
  private readonly path: string;
  private readonly bounds: DiskBounds;
  private readonly content = randomBytes(CHUNK_BYTES);
  private written = 0;

  constructor(path: string, bounds: DiskBounds) {
    this.path = path;
    this.bounds = bounds;
  }

  get writtenMb(): number {
    return this.written;
  }

  /** Writes until the time or the size is reached; what counts is when it is on the disk. Megabytes each second. */
  async write(): Promise<number> {
    const { seconds, chunks, clock, signal } = this.bounds;
    await using file = await open(this.path, "w");
    const startMs = clock.monotonicMs();
    do {
      await file.write(this.chunk(this.written));
      this.written += 1;
    } while (this.written < chunks && clock.monotonicMs() - startMs < seconds * 1000 && !signal.aborted);
    await file.sync();
    return this.rate(clock.monotonicMs() - startMs);
  }

  /** Reads all of it back. The system may have it in memory still. */
  async read(): Promise<{ mbPerSecond: number; wrongChunks: number }> {
    const { clock, signal } = this.bounds;
    await using file = await open(this.path, "r");
    const found = Buffer.allocUnsafe(CHUNK_BYTES);
    const startMs = clock.monotonicMs();
    let wrongChunks = 0;
    for (let index = 0; index < this.written && !signal.aborted; index++) {
      const bytes = await readFully(file, found);
      if (bytes < CHUNK_BYTES || !found.equals(this.chunk(index))) wrongChunks += 1;
    }
    return { mbPerSecond: this.rate(clock.monotonicMs() - startMs), wrongChunks };
  }

  /** How long small writes take to get to the disk, one after the other. */
  async syncsMs(): Promise<number[]> {
    const { seconds, clock, signal } = this.bounds;
    await using file = await open(`${this.path}.sync`, "w");
    const startMs = clock.monotonicMs();
    const samples: number[] = [];
    do {
      const beginMs = clock.monotonicMs();
      await file.write(this.content, 0, SYNC_BYTES);
      await file.sync();
      samples.push(clock.monotonicMs() - beginMs);
    } while (samples.length < MAX_SYNCS && clock.monotonicMs() - startMs < seconds * 1000 && !signal.aborted);
    return samples;
  }

  /** The same buffer each time, with its number in front. */
  private chunk(index: number): Buffer {
    this.content.writeUInt32LE(index);
    return this.content;
  }

  private rate(elapsedMs: number): number {
    return (this.written * CHUNK_BYTES) / 1e6 / (Math.max(elapsedMs, Number.MIN_VALUE) / 1000);
  }
}

async function readFully(file: FileHandle, into: Buffer): Promise<number> {
  let filled = 0;
  for (;;) {
    const { bytesRead } = await file.read(into, filled, into.length - filled);
    filled += bytesRead;
    if (bytesRead === 0 || filled === into.length) return filled;
  }
}
