import type { T5Sizes } from "../generator/t5-graph.ts";
import { attend } from "./attention.ts";
import type { Visibility } from "./attention.ts";
import { add, lookUp, map, matrix, multiply, multiplyTransposed } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";
import type { WeightTable } from "./weight-table.ts";

/** The logits [decoder tokens, vocabulary] of a T5-like encoder-decoder for one pair of texts. */
export function t5Reference(
  weights: WeightTable,
  sizes: T5Sizes,
  texts: {
    readonly inputIds: readonly number[];
    readonly attentionMask: readonly number[];
    readonly decoderInputIds: readonly number[];
  },
): Matrix {
  const words = weights.get("shared.weight");
  const embed = (ids: readonly number[]): Matrix => lookUp(words, sizes.d_model, ids);
  const present: Visibility = (_query, key) => texts.attentionMask[key] === 1;
  const stack = new Stack(weights, sizes);
  const memory = stack.run("encoder", embed(texts.inputIds), { sees: present });
  const decoded = stack.run("decoder", embed(texts.decoderInputIds), {
    sees: (query, key) => key <= query,
    memory: { states: memory, sees: present },
  });
  const scale = sizes.d_model ** -0.5;
  return multiplyTransposed(
    map(decoded, (value) => value * scale),
    words,
  );
}

class Stack {
  private readonly weights: WeightTable;
  private readonly sizes: T5Sizes;

  constructor(weights: WeightTable, sizes: T5Sizes) {
    this.weights = weights;
    this.sizes = sizes;
  }

  run(
    stack: "encoder" | "decoder",
    input: Matrix,
    view: { readonly sees: Visibility; readonly memory?: { readonly states: Matrix; readonly sees: Visibility } },
  ): Matrix {
    const { sizes, weights } = this;
    const table = weights.get(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`);
    const bias = (head: number, query: number, key: number): number =>
      table[relativePositionBucket(key - query, sizes, stack === "encoder") * sizes.num_heads + head] as number;
    let hidden = input;
    for (let index = 0; index < (stack === "encoder" ? sizes.num_layers : sizes.num_decoder_layers); index += 1) {
      const block = `${stack}.block.${index}`;
      const normed = this.norm(hidden, `${block}.layer.0.layer_norm`);
      const self = { name: `${block}.layer.0.SelfAttention`, sees: view.sees, bias };
      hidden = add(hidden, this.attention(normed, normed, self));
      if (view.memory !== undefined) {
        const cross = { name: `${block}.layer.1.EncDecAttention`, sees: view.memory.sees, bias: () => 0 };
        const asked = this.norm(hidden, `${block}.layer.1.layer_norm`);
        hidden = add(hidden, this.attention(asked, view.memory.states, cross));
      }
      const last = `${block}.layer.${stack === "encoder" ? 1 : 2}`;
      const wide = multiply(this.norm(hidden, `${last}.layer_norm`), weights.get(`${last}.DenseReluDense.wi.weight`));
      const active = map(wide, (value) => Math.max(0, value));
      hidden = add(hidden, multiply(active, weights.get(`${last}.DenseReluDense.wo.weight`)));
    }
    return this.norm(hidden, `${stack}.final_layer_norm`);
  }

  private attention(
    asking: Matrix,
    asked: Matrix,
    layer: {
      readonly name: string;
      readonly sees: Visibility;
      readonly bias: (head: number, query: number, key: number) => number;
    },
  ): Matrix {
    const part = (x: Matrix, name: string): Matrix => multiply(x, this.weights.get(`${layer.name}.${name}.weight`));
    const tokens = { query: part(asking, "q"), key: part(asked, "k"), value: part(asked, "v") };
    const shape = { heads: this.sizes.num_heads, unscaled: true, bias: layer.bias } as const;
    return part(attend(tokens, shape, layer.sees), "o");
  }

  /** Each row divided by the root of its mean square, then scaled. */
  private norm(x: Matrix, name: string): Matrix {
    const gain = this.weights.get(`${name}.weight`);
    const result = matrix(x.rows, x.columns);
    for (let row = 0; row < x.rows; row += 1) {
      const values = x.data.subarray(row * x.columns, (row + 1) * x.columns);
      const meanSquare = values.reduce((sum, value) => sum + value * value, 0) / x.columns;
      values.forEach((value, column) => {
        const normed = value / Math.sqrt(meanSquare + this.sizes.layer_norm_epsilon);
        result.data[row * x.columns + column] = normed * (gain[column] as number);
      });
    }
    return result;
  }
}

/** T5's buckets by their formula: single offsets first, then growing by the logarithm (Raffel et al. 2020, section 2.1). */
export function relativePositionBucket(
  offset: number,
  sizes: Pick<T5Sizes, "relative_attention_num_buckets" | "relative_attention_max_distance">,
  bothDirections: boolean,
): number {
  const buckets = bothDirections ? sizes.relative_attention_num_buckets / 2 : sizes.relative_attention_num_buckets;
  const base = bothDirections && offset > 0 ? buckets : 0;
  const distance = bothDirections ? Math.abs(offset) : Math.max(0, -offset);
  const exact = buckets / 2;
  if (distance < exact) return base + distance;
  const share = Math.log(distance / exact) / Math.log(sizes.relative_attention_max_distance / exact);
  return base + Math.min(buckets - 1, exact + Math.floor(share * (buckets - exact)));
}
