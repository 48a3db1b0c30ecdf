import type { ClipTextSizes, ClipTowerSizes, ClipVisionSizes } from "../generator/clip-graph.ts";
import { attend } from "./attention.ts";
import type { Visibility } from "./attention.ts";
import { add, layerNorm, linear, lookUp, map, matrix, multiply, rowOf } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";
import { patchTokens } from "./patch-tokens.ts";
import type { WeightTable } from "./weight-table.ts";

/** The embedding of one text, of length 1: [1, projection]. */
export function clipTextReference(
  weights: WeightTable,
  sizes: ClipTextSizes,
  text: { readonly inputIds: readonly number[]; readonly attentionMask: readonly number[] },
): Matrix {
  const { inputIds, attentionMask } = text;
  const width = sizes.hidden_size;
  const positions = weights.get("text_model.embeddings.position_embedding.weight").subarray(0, inputIds.length * width);
  const words = lookUp(weights.get("text_model.embeddings.token_embedding.weight"), width, inputIds);
  const input = add(words, matrix(inputIds.length, width, positions));
  const encoded = encode(weights, input, {
    name: "text_model",
    sizes,
    sees: (query, key) => key <= query && attentionMask[key] === 1,
  });
  const end = inputIds.indexOf(Math.max(...inputIds));
  const state = norm(rowOf(encoded, end), weights, { name: "text_model.final_layer_norm", sizes });
  return unitLength(multiply(state, weights.get("text_projection.weight")));
}

/** The embedding of one image [channels, size, size], of length 1: [1, projection]. */
export function clipImageReference(weights: WeightTable, sizes: ClipVisionSizes, pixels: ArrayLike<number>): Matrix {
  const name = "vision_model.embeddings";
  const patches = patchTokens(sizes, pixels, {
    kernel: weights.get(`${name}.patch_embedding.weight`),
    classToken: weights.get(`${name}.class_embedding`),
  });
  const positions = matrix(patches.rows, patches.columns, weights.get(`${name}.position_embedding.weight`));
  const input = norm(add(patches, positions), weights, { name: "vision_model.pre_layrnorm", sizes });
  const encoded = encode(weights, input, { name: "vision_model", sizes, sees: () => true });
  const state = norm(rowOf(encoded, 0), weights, { name: "vision_model.post_layernorm", sizes });
  return unitLength(multiply(state, weights.get("visual_projection.weight")));
}

function encode(
  weights: WeightTable,
  input: Matrix,
  tower: { readonly name: string; readonly sizes: ClipTowerSizes; readonly sees: Visibility },
): Matrix {
  const { sizes } = tower;
  let hidden = input;
  for (let index = 0; index < sizes.num_hidden_layers; index += 1) {
    const name = `${tower.name}.encoder.layers.${index}`;
    const before = norm(hidden, weights, { name: `${name}.layer_norm1`, sizes });
    const part = (projection: string): Matrix => linear(before, weights, `${name}.self_attn.${projection}`);
    const tokens = { query: part("q_proj"), key: part("k_proj"), value: part("v_proj") };
    const context = attend(tokens, { heads: sizes.num_attention_heads }, tower.sees);
    hidden = add(hidden, linear(context, weights, `${name}.self_attn.out_proj`));
    const after = norm(hidden, weights, { name: `${name}.layer_norm2`, sizes });
    const wide = map(linear(after, weights, `${name}.mlp.fc1`), quickGelu);
    hidden = add(hidden, linear(wide, weights, `${name}.mlp.fc2`));
  }
  return hidden;
}

function norm(
  x: Matrix,
  weights: WeightTable,
  layer: { readonly name: string; readonly sizes: ClipTowerSizes },
): Matrix {
  return layerNorm(x, weights, { name: layer.name, epsilon: layer.sizes.layer_norm_eps });
}

function quickGelu(x: number): number {
  return x / (1 + Math.exp(-1.702 * x));
}

function unitLength(x: Matrix): Matrix {
  const length = Math.hypot(...x.data);
  return map(x, (value) => value / length);
}
