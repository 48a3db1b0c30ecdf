import { expect, test } from "vitest";
import { seededRng } from "../base/index.ts";
import { treeLeaves } from "./decision-tree.ts";
import type { Observation } from "./decision-tree.ts";

const options = { maxDepth: 3, minLeaf: 8, alpha: 0.01 };

function observations(seed: number, hitRate: (worker: string, model: string) => number): Observation[] {
  const rng = seededRng(seed);
  return Array.from({ length: 600 }, () => {
    const factors = { worker: `w${rng.below(4)}`, model: `m${rng.below(5)}`, type: "model" };
    return { factors, hit: rng.next() < hitRate(factors.worker, factors.model) };
  });
}

test("finds the combination under which attempts fail", () => {
  const leaves = treeLeaves(
    observations(7, (worker, model) => (worker === "w2" && model === "m3" ? 0.9 : 0.02)),
    options,
  );
  const [worst] = leaves.sort((a, b) => b.hits / b.total - a.hits / a.total);
  const asked = worst?.conditions.filter(({ equal }) => equal).map(({ factor, value }) => `${factor}=${value}`);
  expect(asked?.sort()).toEqual(["model=m3", "worker=w2"]);
  expect(worst!.hits / worst!.total).toBeGreaterThan(0.7);
});

test("every observation is in one leaf, whatever the data", () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const some = observations(seed, (worker) => (worker === "w0" ? 0.5 : 0.1));
    const leaves = treeLeaves(some, options);
    expect(leaves.reduce((sum, { total }) => sum + total, 0)).toBe(some.length);
    expect(leaves.reduce((sum, { hits }) => sum + hits, 0)).toBe(some.filter(({ hit }) => hit).length);
    for (const { conditions, total } of leaves) {
      expect(conditions.length).toBeLessThanOrEqual(3);
      expect(total).toBeGreaterThanOrEqual(8);
    }
  }
});

test("chance alone is rarely split: at most about one of a hundred trees", () => {
  const split = Array.from(
    { length: 300 },
    (_, seed) =>
      treeLeaves(
        observations(1_000 + seed, () => 0.2),
        options,
      ).length > 1,
  );
  expect(split.filter(Boolean).length).toBeLessThanOrEqual(9);
});
