import { elementType } from "../onnx/onnx-model.ts";
import type { OnnxGraph } from "../onnx/onnx-model.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { TensorName } from "./graph-builder.ts";
import { feedForward, layerNorm, leadingRows, projectedAttention, textCausalMask } from "./layers.ts";

/** The sizes of a Whisper-like speech model, under the names of its `config.json`. */
export interface WhisperSizes {
  readonly vocab_size: number;
  readonly num_mel_bins: number;
  readonly d_model: number;
  readonly encoder_layers: number;
  readonly encoder_attention_heads: number;
  readonly encoder_ffn_dim: number;
  readonly decoder_layers: number;
  readonly decoder_attention_heads: number;
  readonly decoder_ffn_dim: number;
  readonly max_source_positions: number;
  readonly max_target_positions: number;
}

/** PyTorch's default, which Whisper keeps; its `config.json` does not have it. */
export const WHISPER_EPSILON = 1e-5;

/** One stack of pre-norm blocks. */
interface Stack {
  readonly name: string;
  readonly layers: number;
  readonly heads: number;
  readonly inner: number;
  readonly width: number;
}

/**
 * A Whisper-like speech model, formulas of Radford et al. 2022 as in Hugging Face's `WhisperForConditionalGeneration`: input_features
 * [batch, mel bins, frames], decoder_input_ids [batch, tokens] → logits [batch, tokens, vocabulary]. Two convolutions, the second of
 * which halves the frames; normalization before each part; the output's table is that of the tokens.
 */
export function whisperGraph(name: string, sizes: WhisperSizes, seed: number): OnnxGraph {
  const graph = new GraphBuilder(name, seed);
  const width = sizes.d_model;
  const features = graph.input("input_features", elementType.float, ["batch_size", sizes.num_mel_bins, "frames"]);
  const tokens = ["batch_size", "decoder_sequence_length"];
  const ids = graph.input("decoder_input_ids", elementType.int64, tokens);
  const encoder = {
    name: "model.encoder",
    layers: sizes.encoder_layers,
    heads: sizes.encoder_attention_heads,
    inner: sizes.encoder_ffn_dim,
    width,
  };
  const memory = stack(graph, { hidden: encoderInput(graph, features, sizes) }, encoder);
  const decoder = {
    name: "model.decoder",
    layers: sizes.decoder_layers,
    heads: sizes.decoder_attention_heads,
    inner: sizes.decoder_ffn_dim,
    width,
  };
  const mask = textCausalMask(graph, ids);
  const last = stack(graph, { hidden: decoderInput(graph, ids, sizes), mask, memory }, decoder);
  const head = graph.op("Transpose", ["model.decoder.embed_tokens.weight"], { perm: [1, 0] });
  graph.output("logits", graph.op("MatMul", [last, head]), [...tokens, sizes.vocab_size]);
  return graph.build();
}

/** [batch, mel bins, frames] → [batch, frames / 2, width], with sinusoidal positions added. */
function encoderInput(graph: GraphBuilder, features: TensorName, sizes: WhisperSizes): TensorName {
  const width = sizes.d_model;
  const convolution = (x: TensorName, layer: { name: string; inputs: number; stride: number }): TensorName => {
    const name = `model.encoder.${layer.name}`;
    const dims = [width, layer.inputs, 3];
    const kernel = graph.weight({ name: `${name}.weight`, dims, kind: "matrix", fanIn: layer.inputs * 3 });
    const bias = graph.weight({ name: `${name}.bias`, dims: [width], kind: "bias" });
    const attributes = { kernel_shape: [3], strides: [layer.stride], pads: [1, 1] };
    return graph.op("Gelu", [graph.op("Conv", [x, kernel, bias], attributes)]);
  };
  const first = convolution(features, { name: "conv1", inputs: sizes.num_mel_bins, stride: 1 });
  const second = convolution(first, { name: "conv2", inputs: width, stride: 2 });
  const hidden = graph.op("Transpose", [second], { perm: [0, 2, 1] });
  const dims = [sizes.max_source_positions, width];
  const table = graph.floatTable("model.encoder.embed_positions.weight", dims, sinusoids(sizes));
  return graph.op("Add", [hidden, leadingRows(graph, table, hidden)]);
}

/**
 * Row by row the sines, then the cosines, of position / 10000^(i / (width/2 − 1)). Engines may differ in the last bit of a sine; rounding
 * to 32-bit floats leaves one chance in 100,000 that this shows in the file.
 */
function sinusoids({ max_source_positions: positions, d_model: width }: WhisperSizes): number[] {
  const half = width / 2;
  const angle = (position: number, index: number): number =>
    position * Math.exp((-Math.log(10_000) * index) / (half - 1));
  return Array.from({ length: positions * width }, (_, at) => {
    const position = Math.floor(at / width);
    const column = at % width;
    return column < half ? Math.sin(angle(position, column)) : Math.cos(angle(position, column - half));
  });
}

function decoderInput(graph: GraphBuilder, ids: TensorName, sizes: WhisperSizes): TensorName {
  const width = sizes.d_model;
  // The table is also the last matrix, so it is spread like one: logits then have the size of other models'.
  const table = (name: string, rows: number): TensorName =>
    graph.weight({ name: `model.decoder.${name}.weight`, dims: [rows, width], kind: "matrix", fanIn: width });
  const words = graph.op("Gather", [table("embed_tokens", sizes.vocab_size), ids], { axis: 0 });
  return graph.op("Add", [words, leadingRows(graph, table("embed_positions", sizes.max_target_positions), ids)]);
}

function stack(
  graph: GraphBuilder,
  tensors: { readonly hidden: TensorName; readonly mask?: TensorName; readonly memory?: TensorName },
  layout: Stack,
): TensorName {
  const { width, heads, inner } = layout;
  const norm = (x: TensorName, name: string): TensorName =>
    layerNorm(graph, x, { name, width, epsilon: WHISPER_EPSILON });
  let { hidden } = tensors;
  for (let index = 0; index < layout.layers; index += 1) {
    const layer = `${layout.name}.layers.${index}`;
    const normed = norm(hidden, `${layer}.self_attn_layer_norm`);
    const mask = tensors.mask === undefined ? {} : { mask: tensors.mask };
    const self = { name: `${layer}.self_attn`, heads, width, keyBias: false };
    hidden = graph.op("Add", [hidden, projectedAttention(graph, { hidden: normed, source: normed, ...mask }, self)]);
    if (tensors.memory !== undefined) {
      const across = { hidden: norm(hidden, `${layer}.encoder_attn_layer_norm`), source: tensors.memory };
      const cross = { name: `${layer}.encoder_attn`, heads, width, keyBias: false };
      hidden = graph.op("Add", [hidden, projectedAttention(graph, across, cross)]);
    }
    const activation = (x: TensorName): TensorName => graph.op("Gelu", [x]);
    const last = norm(hidden, `${layer}.final_layer_norm`);
    hidden = graph.op("Add", [hidden, feedForward(graph, last, { name: layer, width, inner, activation })]);
  }
  return norm(hidden, `${layout.name}.layer_norm`);
}
