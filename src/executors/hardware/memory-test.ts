import type { Clock } from "../../base/index.ts";

const BYTES_PER_MB = 1e6;
const BYTES_PER_WORD = 4;

/** What each word of the memory is to hold. */
type Pattern = { name: string; fill: (words: Uint32Array) => void; wordAt: (index: number) => number };

const constant = (word: number): Pattern => ({
  name: word.toString(16).padStart(8, "0"),
  fill: (words) => void words.fill(word),
  wordAt: () => word,
});

/** All bits on and off, neighbours different, and each word another, which finds address lines that are stuck. */
export const patterns: readonly Pattern[] = [
  constant(0x5555_5555),
  constant(0xaaaa_aaaa),
  constant(0xffff_ffff),
  constant(0),
  {
    name: "address",
    fill: (words) => {
      for (let index = 0; index < words.length; index++) words[index] = Math.imul(index, 0x9e37_79b1);
    },
    wordAt: (index) => Math.imul(index, 0x9e37_79b1) >>> 0,
  },
];

/** Bits that are not as the pattern wants them. */
export function wrongBits(words: Uint32Array, { wordAt }: Pick<Pattern, "wordAt">): number {
  let wrong = 0;
  for (let index = 0; index < words.length; index++) {
    let different = ((words[index] as number) ^ wordAt(index)) >>> 0;
    for (; different !== 0; different &= different - 1) wrong += 1;
  }
  return wrong;
}

export interface MemoryReport {
  testedMb: number;
  patterns: number;
  wrongBits: number;
  copyMbPerSecond: number;
}

/** Fills memory with patterns and reads it back, as many as the time allows, then times copies of half of it to the other half. */
export function testMemory(memoryMb: number, { seconds, clock }: { seconds: number; clock: Clock }): MemoryReport {
  const words = new Uint32Array(2 * Math.floor((memoryMb * BYTES_PER_MB) / BYTES_PER_WORD / 2));
  const startMs = clock.monotonicMs();
  let wrong = 0;
  let tried = 0;
  for (const pattern of patterns) {
    pattern.fill(words);
    wrong += wrongBits(words, pattern);
    tried += 1;
    if (clock.monotonicMs() - startMs > seconds * 500) break;
  }
  return {
    testedMb: words.byteLength / BYTES_PER_MB,
    patterns: tried,
    wrongBits: wrong,
    copyMbPerSecond: copyRate(words, { seconds: seconds / 2, clock }),
  };
}

/** Megabytes that are copied each second; each byte is read once and written once, and counted once. */
function copyRate(words: Uint32Array, { seconds, clock }: { seconds: number; clock: Clock }): number {
  const half = words.length / 2;
  const startMs = clock.monotonicMs();
  let copies = 0;
  let elapsedMs = 0;
  do {
    words.copyWithin(copies % 2 === 0 ? half : 0, copies % 2 === 0 ? 0 : half, copies % 2 === 0 ? half : words.length);
    copies += 1;
    elapsedMs = clock.monotonicMs() - startMs;
  } while (elapsedMs < seconds * 1000);
  return (copies * half * BYTES_PER_WORD) / BYTES_PER_MB / (Math.max(elapsedMs, Number.MIN_VALUE) / 1000);
}
