import type { Clock } from "../../base/index.ts";

/** A fixed piece of work: always the same steps, so always the same checksum. */
export interface Workload {
  operationsPerStep: number;
  /** What `run` gives on a processor that computes right. */
  checksum: number;
  run: (steps: number) => number;
}

/** Of one block; a few milliseconds of work. */
export const BLOCK_STEPS = 1 << 20;

/** Shifts, exclusive ors, a multiplication and an addition of 32-bit integers. */
export const integerWork: Workload = {
  operationsPerStep: 8,
  checksum: 1_070_352_324,
  run: (steps) => {
    let x = 0x9e3779b9 | 0;
    let sum = 1;
    for (let step = 0; step < steps; step++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      sum = (Math.imul(sum, 31) + x) | 0;
    }
    return sum;
  },
};

/** Four chains of multiplications and subtractions of doubles, each so chaotic that one wrong bit changes its end. */
export const floatWork: Workload = {
  operationsPerStep: 12,
  checksum: 1.420_225_908_243_206_5,
  run: (steps) => {
    let a = 0.1;
    let b = 0.2;
    let c = 0.3;
    let d = 0.4;
    for (let step = 0; step < steps; step++) {
      a = 3.9 * a * (1 - a);
      b = 3.9 * b * (1 - b);
      c = 3.9 * c * (1 - c);
      d = 3.9 * d * (1 - d);
    }
    return a + b + c + d;
  },
};

export interface WorkRate {
  /** Millions of operations each second. */
  mops: number;
  blocks: number;
  /** Blocks whose checksum was wrong. */
  wrongBlocks: number;
}

/** Does blocks of a workload for about so long, at least one. */
export function workRate(work: Workload, { seconds, clock }: { seconds: number; clock: Clock }): WorkRate {
  const startMs = clock.monotonicMs();
  const endMs = startMs + seconds * 1000;
  let blocks = 0;
  let wrongBlocks = 0;
  let nowMs = startMs;
  do {
    if (work.run(BLOCK_STEPS) !== work.checksum) wrongBlocks += 1;
    blocks += 1;
    nowMs = clock.monotonicMs();
  } while (nowMs < endMs);
  const operations = blocks * BLOCK_STEPS * work.operationsPerStep;
  return { mops: operations / 1000 / Math.max(nowMs - startMs, Number.MIN_VALUE), blocks, wrongBlocks };
}
