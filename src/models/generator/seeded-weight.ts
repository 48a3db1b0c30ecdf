import { assertNever, hashText, seededRng } from "../../base/index.ts";

/** How a weight's numbers are spread, so that signals keep their size from layer to layer. */
export type WeightKind = "matrix" | "embedding" | "gain" | "bias";

export interface WeightShape {
  readonly name: string;
  readonly dims: readonly number[];
  readonly kind: WeightKind;
  /** Numbers that are summed into one output; only for `matrix`. */
  readonly fanIn?: number;
}

/**
 * The numbers of one weight, as little-endian 32-bit floats. Each weight has its own sequence, seeded by its name, so that adding
 * one does not change the others. Uniform, not normal: only +, × and √ are used, which IEEE 754 rounds the same everywhere,
 * where `Math.log` and `Math.cos` may differ between engines; the file is the same bytes on every machine.
 */
export function seededWeight(shape: WeightShape, seed: number): Uint8Array {
  const rng = seededRng(hashText(`${seed}/${shape.name}`));
  const count = shape.dims.reduce((product, dim) => product * dim, 1);
  const { centre, limit } = spread(shape);
  const view = new DataView(new ArrayBuffer(count * 4));
  for (let index = 0; index < count; index += 1) {
    view.setFloat32(index * 4, centre + (2 * rng.next() - 1) * limit, true);
  }
  return new Uint8Array(view.buffer);
}

function spread(shape: WeightShape): { centre: number; limit: number } {
  switch (shape.kind) {
    case "matrix":
      // A uniform distribution on ±√(3/n) has variance 1/n.
      return { centre: 0, limit: Math.sqrt(3 / (shape.fanIn ?? 1)) };
    case "embedding":
      return { centre: 0, limit: 1 };
    case "gain":
      return { centre: 1, limit: 0.2 };
    case "bias":
      return { centre: 0, limit: 0.1 };
    default:
      return assertNever(shape.kind);
  }
}
