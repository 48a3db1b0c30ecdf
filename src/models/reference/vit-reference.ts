import type { VitSizes } from "../generator/vit-graph.ts";
import { attend } from "./attention.ts";
import { add, layerNorm, linear, map, matrix, rowOf } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";
import { patchTokens } from "./patch-tokens.ts";
import { gelu } from "./special-functions.ts";
import type { WeightTable } from "./weight-table.ts";

/** The logits [1, classes] of a ViT-like classifier for one image, given as [channels, size, size]. */
export function vitReference(weights: WeightTable, sizes: VitSizes, pixels: ArrayLike<number>): Matrix {
  const epsilon = sizes.layer_norm_eps;
  const norm = (x: Matrix, name: string): Matrix => layerNorm(x, weights, { name, epsilon });
  let hidden = embed(weights, sizes, pixels);
  for (let index = 0; index < sizes.num_hidden_layers; index += 1) {
    const name = `encoder.layer.${index}`;
    const before = norm(hidden, `${name}.layernorm_before`);
    const project = (part: string): Matrix => linear(before, weights, `${name}.attention.attention.${part}`);
    const tokens = { query: project("query"), key: project("key"), value: project("value") };
    const context = attend(tokens, { heads: sizes.num_attention_heads }, () => true);
    const middle = add(hidden, linear(context, weights, `${name}.attention.output.dense`));
    const after = norm(middle, `${name}.layernorm_after`);
    const wide = map(linear(after, weights, `${name}.intermediate.dense`), gelu);
    hidden = add(middle, linear(wide, weights, `${name}.output.dense`));
  }
  const last = norm(hidden, "layernorm");
  return linear(rowOf(last, 0), weights, "classifier");
}

function embed(weights: WeightTable, sizes: VitSizes, pixels: ArrayLike<number>): Matrix {
  const name = "embeddings.patch_embeddings.projection";
  const patches = patchTokens(sizes, pixels, {
    kernel: weights.get(`${name}.weight`),
    bias: weights.get(`${name}.bias`),
    classToken: weights.get("embeddings.cls_token"),
  });
  return add(patches, matrix(patches.rows, patches.columns, weights.get("embeddings.position_embeddings")));
}
