import type { Gpt2Sizes } from "../generator/gpt2-graph.ts";
import { attend } from "./attention.ts";
import { add, layerNorm, linear, lookUp, map, matrix, multiply } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";
import { geluNew } from "./special-functions.ts";
import type { WeightTable } from "./weight-table.ts";

/** The logits [tokens, vocabulary] of a GPT-2-like decoder for one text, without any cache. */
export function gpt2Reference(weights: WeightTable, sizes: Gpt2Sizes, inputIds: readonly number[]): Matrix {
  const width = sizes.n_embd;
  const epsilon = sizes.layer_norm_epsilon;
  const norm = (x: Matrix, name: string): Matrix => layerNorm(x, weights, { name, epsilon });
  const positions = inputIds.map((_, index) => index);
  let hidden = add(
    lookUp(weights.get("wte.weight"), width, inputIds),
    lookUp(weights.get("wpe.weight"), width, positions),
  );
  for (let index = 0; index < sizes.n_layer; index += 1) {
    const name = `h.${index}`;
    const fused = linear(norm(hidden, `${name}.ln_1`), weights, `${name}.attn.c_attn`);
    const tokens = { query: third(fused, 0), key: third(fused, 1), value: third(fused, 2) };
    const context = attend(tokens, { heads: sizes.n_head }, (query, key) => key <= query);
    hidden = add(hidden, linear(context, weights, `${name}.attn.c_proj`));
    const wide = map(linear(norm(hidden, `${name}.ln_2`), weights, `${name}.mlp.c_fc`), geluNew);
    hidden = add(hidden, linear(wide, weights, `${name}.mlp.c_proj`));
  }
  return multiply(norm(hidden, "ln_f"), weights.get("lm_head.weight"));
}

/** One of the three side-by-side parts of a fused projection. */
function third(fused: Matrix, part: number): Matrix {
  const columns = fused.columns / 3;
  const result = matrix(fused.rows, columns);
  for (let row = 0; row < fused.rows; row += 1) {
    const start = row * fused.columns + part * columns;
    result.data.set(fused.data.subarray(start, start + columns), row * columns);
  }
  return result;
}
