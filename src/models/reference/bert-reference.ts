import type { BertSizes } from "../generator/bert-graph.ts";
import { attend } from "./attention.ts";
import { add, layerNorm, linear, lookUp, map } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";
import { gelu } from "./special-functions.ts";
import type { WeightTable } from "./weight-table.ts";

/** The last hidden state [tokens, hidden] of a BERT-like encoder for one text. */
export function bertReference(
  weights: WeightTable,
  sizes: BertSizes,
  text: { readonly inputIds: readonly number[]; readonly attentionMask: readonly number[] },
): Matrix {
  const width = sizes.hidden_size;
  const table = (name: string, ids: readonly number[]): Matrix =>
    lookUp(weights.get(`embeddings.${name}.weight`), width, ids);
  const words = table("word_embeddings", text.inputIds);
  const positions = table(
    "position_embeddings",
    text.inputIds.map((_, index) => index),
  );
  const types = table(
    "token_type_embeddings",
    text.inputIds.map(() => 0),
  );
  const epsilon = sizes.layer_norm_eps;
  const norm = (x: Matrix, name: string): Matrix => layerNorm(x, weights, { name, epsilon });
  let hidden = norm(add(add(words, types), positions), "embeddings.LayerNorm");
  for (let index = 0; index < sizes.num_hidden_layers; index += 1) {
    const name = `encoder.layer.${index}`;
    const project = (part: string): Matrix => linear(hidden, weights, `${name}.attention.self.${part}`);
    const context = attend(
      { query: project("query"), key: project("key"), value: project("value") },
      { heads: sizes.num_attention_heads },
      (_query, key) => text.attentionMask[key] === 1,
    );
    const attended = linear(context, weights, `${name}.attention.output.dense`);
    const middle = norm(add(hidden, attended), `${name}.attention.output.LayerNorm`);
    const wide = map(linear(middle, weights, `${name}.intermediate.dense`), gelu);
    hidden = norm(add(middle, linear(wide, weights, `${name}.output.dense`)), `${name}.output.LayerNorm`);
  }
  return hidden;
}
