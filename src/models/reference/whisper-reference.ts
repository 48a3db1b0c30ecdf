import { WHISPER_EPSILON } from "../generator/whisper-graph.ts";
import type { WhisperSizes } from "../generator/whisper-graph.ts";
import { attend } from "./attention.ts";
import type { Visibility } from "./attention.ts";
import { add, layerNorm, linear, lookUp, map, matrix, multiply, multiplyTransposed } from "./matrix.ts";
import type { Matrix } from "./matrix.ts";
import { gelu } from "./special-functions.ts";
import type { WeightTable } from "./weight-table.ts";

/** The logits [decoder tokens, vocabulary] of a Whisper-like model for one recording, given as [mel bins, frames]. */
export function whisperReference(
  weights: WeightTable,
  sizes: WhisperSizes,
  speech: { readonly features: ArrayLike<number>; readonly decoderInputIds: readonly number[] },
): Matrix {
  const memory = encode(weights, sizes, speech.features);
  const words = weights.get("model.decoder.embed_tokens.weight");
  const ids = speech.decoderInputIds;
  const positions = weights.get("model.decoder.embed_positions.weight").subarray(0, ids.length * sizes.d_model);
  const input = add(lookUp(words, sizes.d_model, ids), matrix(ids.length, sizes.d_model, positions));
  const layers = { name: "model.decoder", count: sizes.decoder_layers, heads: sizes.decoder_attention_heads };
  const decoded = stack(weights, input, { ...layers, sees: (query, key) => key <= query, memory });
  return multiplyTransposed(decoded, words);
}

function encode(weights: WeightTable, sizes: WhisperSizes, features: ArrayLike<number>): Matrix {
  const frames = matrix(sizes.num_mel_bins, features.length / sizes.num_mel_bins, Float64Array.from(features));
  const first = map(convolve(frames, weights, { name: "model.encoder.conv1", stride: 1 }), gelu);
  const second = map(convolve(first, weights, { name: "model.encoder.conv2", stride: 2 }), gelu);
  const hidden = matrix(second.columns, second.rows);
  for (let token = 0; token < hidden.rows; token += 1) {
    for (let channel = 0; channel < hidden.columns; channel += 1) {
      const value = second.data[channel * second.columns + token] as number;
      hidden.data[token * hidden.columns + channel] = value + sinusoid(token, channel, hidden.columns);
    }
  }
  const layers = { name: "model.encoder", count: sizes.encoder_layers, heads: sizes.encoder_attention_heads };
  return stack(weights, hidden, { ...layers, sees: () => true });
}

/** Sines in the first half of the channels, cosines in the second, wavelengths from 2π to 10,000 · 2π. */
function sinusoid(position: number, channel: number, width: number): number {
  const half = width / 2;
  const angle = position / 10_000 ** ((channel % half) / (half - 1));
  return channel < half ? Math.sin(angle) : Math.cos(angle);
}

/** A convolution over time of width 3, one frame of zeros on each side: [channels, frames] → [channels, ⌈frames / stride⌉]. */
function convolve(x: Matrix, weights: WeightTable, layer: { readonly name: string; readonly stride: number }): Matrix {
  const kernel = weights.get(`${layer.name}.weight`);
  const bias = weights.get(`${layer.name}.bias`);
  const result = matrix(bias.length, Math.ceil(x.columns / layer.stride));
  for (let output = 0; output < result.rows; output += 1) {
    for (let frame = 0; frame < result.columns; frame += 1) {
      let sum = bias[output] as number;
      for (let input = 0; input < x.rows; input += 1) {
        for (let tap = 0; tap < 3; tap += 1) {
          const at = frame * layer.stride + tap - 1;
          if (at < 0 || at >= x.columns) continue;
          sum += (kernel[(output * x.rows + input) * 3 + tap] as number) * (x.data[input * x.columns + at] as number);
        }
      }
      result.data[output * result.columns + frame] = sum;
    }
  }
  return result;
}

function stack(
  weights: WeightTable,
  input: Matrix,
  layers: {
    readonly name: string;
    readonly count: number;
    readonly heads: number;
    readonly sees: Visibility;
    readonly memory?: Matrix;
  },
): Matrix {
  const norm = (x: Matrix, name: string): Matrix => layerNorm(x, weights, { name, epsilon: WHISPER_EPSILON });
  const attention = (asking: Matrix, asked: Matrix, part: { name: string; sees: Visibility }): Matrix => {
    const tokens = {
      query: linear(asking, weights, `${part.name}.q_proj`),
      key: multiply(asked, weights.get(`${part.name}.k_proj.weight`)),
      value: linear(asked, weights, `${part.name}.v_proj`),
    };
    return linear(attend(tokens, { heads: layers.heads }, part.sees), weights, `${part.name}.out_proj`);
  };
  let hidden = input;
  for (let index = 0; index < layers.count; index += 1) {
    const name = `${layers.name}.layers.${index}`;
    const normed = norm(hidden, `${name}.self_attn_layer_norm`);
    hidden = add(hidden, attention(normed, normed, { name: `${name}.self_attn`, sees: layers.sees }));
    if (layers.memory !== undefined) {
      const asking = norm(hidden, `${name}.encoder_attn_layer_norm`);
      const cross = attention(asking, layers.memory, { name: `${name}.encoder_attn`, sees: () => true });
      hidden = add(hidden, cross);
    }
    const wide = map(linear(norm(hidden, `${name}.final_layer_norm`), weights, `${name}.fc1`), gelu);
    hidden = add(hidden, linear(wide, weights, `${name}.fc2`));
  }
  return norm(hidden, `${layers.name}.layer_norm`);
}
