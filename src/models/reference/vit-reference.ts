import type { VitSizes } from "../generator/vit-graph.ts";
import { attend } from "./attention.ts";
import { add, layerNorm, linear, map, matrix } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";
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
    const context = attend(tokens, sizes.num_attention_heads, () => true);
    const middle = add(hidden, linear(context, weights, `${name}.attention.output.dense`));
    const after = norm(middle, `${name}.layernorm_after`);
    const wide = map(linear(after, weights, `${name}.intermediate.dense`), gelu);
    hidden = add(middle, linear(wide, weights, `${name}.output.dense`));
  }
  const last = norm(hidden, "layernorm");
  const classState = matrix(1, last.columns, last.data.slice(0, last.columns));
  return linear(classState, weights, "classifier");
}

/** The class token, then one token per patch: kernel · pixels + bias, the convolution written out; positions added. */
function embed(weights: WeightTable, sizes: VitSizes, pixels: ArrayLike<number>): Matrix {
  const width = sizes.hidden_size;
  const side = sizes.image_size / sizes.patch_size;
  const bias = weights.get("embeddings.patch_embeddings.projection.bias");
  const tokens = matrix(side * side + 1, width);
  tokens.data.set(weights.get("embeddings.cls_token"));
  for (let patch = 0; patch < side * side; patch += 1) {
    const corner = { top: Math.floor(patch / side) * sizes.patch_size, left: (patch % side) * sizes.patch_size };
    for (let channel = 0; channel < width; channel += 1) {
      const sum = convolveAt(weights, sizes, { pixels, corner, channel });
      tokens.data[(patch + 1) * width + channel] = sum + (bias[channel] as number);
    }
  }
  return add(tokens, matrix(tokens.rows, width, weights.get("embeddings.position_embeddings")));
}

function convolveAt(
  weights: WeightTable,
  sizes: VitSizes,
  at: {
    readonly pixels: ArrayLike<number>;
    readonly corner: { readonly top: number; readonly left: number };
    readonly channel: number;
  },
): number {
  const kernel = weights.get("embeddings.patch_embeddings.projection.weight");
  const { image_size: size, patch_size: patch, num_channels: channels } = sizes;
  let sum = 0;
  for (let input = 0; input < channels; input += 1) {
    for (let y = 0; y < patch; y += 1) {
      for (let x = 0; x < patch; x += 1) {
        const weight = kernel[((at.channel * channels + input) * patch + y) * patch + x] as number;
        sum += weight * (at.pixels[(input * size + at.corner.top + y) * size + at.corner.left + x] as number);
      }
    }
  }
  return sum;
}
