import { matrix } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";

/** Whether the token at `query` may look at the token at `key`. */
export type Visibility = (query: number, key: number) => boolean;

/** How scores are made: q·k / √size by default. */
export interface AttentionShape {
  readonly heads: number;
  /** Leaves out the division by √size. */
  readonly unscaled?: true;
  /** Added to the score of a head, query and key. */
  readonly bias?: (head: number, query: number, key: number) => number;
}

/**
 * Multi-head attention by its definition: for each head and token, the visible values weighted by the softmax of their scores. Hidden
 * tokens get weight exactly 0, the limit of what a graph does by adding a large negative number.
 */
export function attend(
  tokens: { readonly query: Matrix; readonly key: Matrix; readonly value: Matrix },
  shape: AttentionShape,
  sees: Visibility,
): Matrix {
  const { query, key, value } = tokens;
  const width = query.columns;
  const size = width / shape.heads;
  const scale = shape.unscaled === true ? 1 : Math.sqrt(size);
  const context = matrix(query.rows, width);
  for (let head = 0; head < shape.heads; head += 1) {
    const offset = head * size;
    for (let row = 0; row < query.rows; row += 1) {
      const weights = softmax(
        Array.from({ length: key.rows }, (_, other) => {
          if (!sees(row, other)) return -Infinity;
          const product = dot(query, row, { matrix: key, row: other, offset, size });
          return product / scale + (shape.bias?.(head, row, other) ?? 0);
        }),
      );
      weights.forEach((weight, other) => {
        for (let index = offset; index < offset + size; index += 1) {
          const at = row * width + index;
          context.data[at] = (context.data[at] as number) + weight * (value.data[other * width + index] as number);
        }
      });
    }
  }
  return context;
}

function dot(
  left: Matrix,
  leftRow: number,
  right: { readonly matrix: Matrix; readonly row: number; readonly offset: number; readonly size: number },
): number {
  let sum = 0;
  for (let index = right.offset; index < right.offset + right.size; index += 1) {
    const a = left.data[leftRow * left.columns + index] as number;
    sum += a * (right.matrix.data[right.row * right.matrix.columns + index] as number);
  }
  return sum;
}

function softmax(scores: readonly number[]): number[] {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
