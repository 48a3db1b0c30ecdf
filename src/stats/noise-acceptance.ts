import { seededRng } from "../base/index.ts";

/** For tests: nearly normal noise of mean 0 and deviation 1, of twelve uniform numbers each. */
export function normalNoise(seed: number): () => number {
  const rng = seededRng(seed);
  return () => {
    let noise = -6;
    for (let draw = 0; draw < 12; draw += 1) noise += rng.next();
    return noise;
  };
}
