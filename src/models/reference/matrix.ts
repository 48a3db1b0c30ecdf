import { assert } from "../../base/index.ts";
import type { WeightTable } from "./weight-table.ts";

/** A matrix of doubles, row by row. In this folder a row is one token. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

export function matrix(rows: number, columns: number, data: Float64Array = new Float64Array(rows * columns)): Matrix {
  assert(data.length === rows * columns, `${data.length} numbers do not fill ${rows} × ${columns}`);
  return { rows, columns, data };
}

export function add(left: Matrix, right: Matrix): Matrix {
  assert(left.data.length === right.data.length, "only matrices of one size can be added");
  return matrix(
    left.rows,
    left.columns,
    left.data.map((value, index) => value + (right.data[index] as number)),
  );
}

export function map(x: Matrix, change: (value: number) => number): Matrix {
  return matrix(x.rows, x.columns, x.data.map(change));
}

/** `x · W`, with W stored [inputs, outputs]. */
export function multiply(x: Matrix, weight: Float64Array): Matrix {
  const outputs = weight.length / x.columns;
  const result = matrix(x.rows, outputs);
  for (let row = 0; row < x.rows; row += 1) {
    for (let inner = 0; inner < x.columns; inner += 1) {
      const factor = x.data[row * x.columns + inner] as number;
      for (let column = 0; column < outputs; column += 1) {
        const at = row * outputs + column;
        result.data[at] = (result.data[at] as number) + factor * (weight[inner * outputs + column] as number);
      }
    }
  }
  return result;
}

/** `x · Wᵀ`, with W stored [outputs, inputs], as tables of embeddings are. */
export function multiplyTransposed(x: Matrix, weight: Float64Array): Matrix {
  const outputs = weight.length / x.columns;
  const result = matrix(x.rows, outputs);
  for (let row = 0; row < x.rows; row += 1) {
    for (let column = 0; column < outputs; column += 1) {
      let sum = 0;
      for (let inner = 0; inner < x.columns; inner += 1) {
        sum += (x.data[row * x.columns + inner] as number) * (weight[column * x.columns + inner] as number);
      }
      result.data[row * outputs + column] = sum;
    }
  }
  return result;
}

/** `x · W + b` with the weights `name.weight` and `name.bias`. */
export function linear(x: Matrix, weights: WeightTable, name: string): Matrix {
  const product = multiply(x, weights.get(`${name}.weight`));
  const bias = weights.get(`${name}.bias`);
  return matrix(
    product.rows,
    product.columns,
    product.data.map((value, index) => value + (bias[index % product.columns] as number)),
  );
}

/** Each row shifted to mean 0, scaled to variance 1, then `· gain + bias`. */
export function layerNorm(
  x: Matrix,
  weights: WeightTable,
  layer: { readonly name: string; readonly epsilon: number },
): Matrix {
  const gain = weights.get(`${layer.name}.weight`);
  const bias = weights.get(`${layer.name}.bias`);
  const result = matrix(x.rows, x.columns);
  for (let row = 0; row < x.rows; row += 1) {
    const values = x.data.subarray(row * x.columns, (row + 1) * x.columns);
    const mean = values.reduce((sum, value) => sum + value, 0) / x.columns;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.columns;
    values.forEach((value, column) => {
      const normed = (value - mean) / Math.sqrt(variance + layer.epsilon);
      result.data[row * x.columns + column] = normed * (gain[column] as number) + (bias[column] as number);
    });
  }
  return result;
}

/** One row as a matrix of its own. */
export function rowOf(x: Matrix, row: number): Matrix {
  return matrix(1, x.columns, x.data.slice(row * x.columns, (row + 1) * x.columns));
}

/** The rows of a table that the identifiers name. */
export function lookUp(table: Float64Array, columns: number, ids: readonly number[]): Matrix {
  const result = matrix(ids.length, columns);
  ids.forEach((id, row) => result.data.set(table.subarray(id * columns, (id + 1) * columns), row * columns));
  return result;
}
