import fc from "fast-check";
import { assert } from "../../src/base/index.ts";
import type { Rng } from "../../src/base/index.ts";
import type { WorkerFrame } from "../../src/contracts/index.ts";
import { anyWorkerFrame } from "../../src/transport/codec/frame-arbitraries-acceptance.ts";
import { cloned, pick } from "./mutations.ts";

/** Valid frames of every type, to be copied and then spoilt. */
export class Corpus {
  readonly frames: readonly WorkerFrame[];
  private readonly byType: ReadonlyMap<string, readonly WorkerFrame[]>;

  /** The same seed gives the same frames. */
  constructor(size: number, seed: number) {
    this.frames = fc.sample(anyWorkerFrame, { numRuns: size, seed });
    this.byType = Map.groupBy(this.frames, ({ type }) => type);
  }

  /** A copy of any frame, or of any of one type. */
  draw(rng: Rng, type?: WorkerFrame["type"]): Record<string, unknown> {
    const frames = type === undefined ? this.frames : this.byType.get(type);
    assert(frames, `the corpus holds ${type} frames`);
    return cloned(pick(rng, frames)) as unknown as Record<string, unknown>;
  }
}
