import type { JsonObject } from "../../base/index.ts";
import type { OnnxGraph } from "../onnx/onnx-model.ts";
import { bertGraph } from "./bert-graph.ts";
import { bytePairTokenizer, bytePairVocabSize, endOfTextId } from "./byte-pair-tokenizer.ts";
import { clipGraph } from "./clip-graph.ts";
import { gpt2Graph } from "./gpt2-graph.ts";
import { t5Graph } from "./t5-graph.ts";
import { vitGraph } from "./vit-graph.ts";
import { whisperGraph } from "./whisper-graph.ts";
import { bertTokenIds, wordPieceTokenizer } from "./word-piece-tokenizer.ts";

/** What a built-in model is made of. */
export interface Recipe {
  readonly config: JsonObject;
  /** The other files that describe it, by their path. */
  readonly describing: Readonly<Record<string, JsonObject>>;
  readonly graph: (name: string, seed: number) => OnnxGraph;
}

export function tinyBert(): Recipe {
  const sizes = {
    vocab_size: 512,
    hidden_size: 128,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    intermediate_size: 256,
    max_position_embeddings: 128,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
  };
  return {
    config: {
      model_type: "bert",
      architectures: ["BertModel"],
      ...sizes,
      hidden_act: "gelu",
      position_embedding_type: "absolute",
      pad_token_id: bertTokenIds.pad,
    },
    describing: tokenizerFiles(wordPieceTokenizer(sizes.vocab_size)),
    graph: (name, seed) => bertGraph(name, sizes, seed),
  };
}

export function tinyGpt2(): Recipe {
  const sizes = {
    vocab_size: bytePairVocabSize,
    n_embd: 128,
    n_layer: 3,
    n_head: 4,
    n_inner: 512,
    n_positions: 128,
    layer_norm_epsilon: 1e-5,
  };
  const ends = { bos_token_id: endOfTextId, eos_token_id: endOfTextId };
  return {
    config: {
      model_type: "gpt2",
      architectures: ["GPT2LMHeadModel"],
      ...sizes,
      n_ctx: sizes.n_positions,
      activation_function: "gelu_new",
      tie_word_embeddings: false,
      ...ends,
    },
    describing: {
      "generation_config.json": { ...ends, do_sample: false, max_new_tokens: 16 },
      ...tokenizerFiles(bytePairTokenizer()),
    },
    graph: (name, seed) => gpt2Graph(name, sizes, seed),
  };
}

export function tinyVit(): Recipe {
  const labels = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
  const sizes = {
    image_size: 32,
    patch_size: 4,
    num_channels: 3,
    hidden_size: 96,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    intermediate_size: 192,
    layer_norm_eps: 1e-12,
  };
  return {
    config: {
      model_type: "vit",
      architectures: ["ViTForImageClassification"],
      ...sizes,
      hidden_act: "gelu",
      qkv_bias: true,
      id2label: Object.fromEntries(labels.map((label, index) => [String(index), label])),
      label2id: Object.fromEntries(labels.map((label, index) => [label, index])),
    },
    describing: {
      "preprocessor_config.json": {
        image_processor_type: "ViTImageProcessor",
        do_resize: true,
        size: { height: sizes.image_size, width: sizes.image_size },
        resample: 2,
        do_rescale: true,
        rescale_factor: 1 / 255,
        do_normalize: true,
        image_mean: [0.5, 0.5, 0.5],
        image_std: [0.5, 0.5, 0.5],
      },
    },
    graph: (name, seed) => vitGraph(name, { ...sizes, classes: labels.length }, seed),
  };
}

export function tinyT5(): Recipe {
  const sizes = {
    vocab_size: 512,
    d_model: 128,
    d_kv: 32,
    d_ff: 256,
    num_layers: 2,
    num_decoder_layers: 2,
    num_heads: 4,
    relative_attention_num_buckets: 32,
    relative_attention_max_distance: 128,
    layer_norm_epsilon: 1e-6,
  };
  const ends = {
    pad_token_id: bertTokenIds.pad,
    eos_token_id: bertTokenIds.separator,
    decoder_start_token_id: bertTokenIds.pad,
  };
  return {
    config: {
      model_type: "t5",
      architectures: ["T5ForConditionalGeneration"],
      ...sizes,
      n_positions: 128,
      feed_forward_proj: "relu",
      is_encoder_decoder: true,
      tie_word_embeddings: true,
      ...ends,
    },
    describing: {
      "generation_config.json": { ...ends, do_sample: false, max_new_tokens: 16 },
      ...tokenizerFiles(wordPieceTokenizer(sizes.vocab_size)),
    },
    graph: (name, seed) => t5Graph(name, sizes, seed),
  };
}

export function tinyWhisper(): Recipe {
  const sizes = {
    vocab_size: bytePairVocabSize,
    num_mel_bins: 80,
    d_model: 128,
    encoder_layers: 2,
    encoder_attention_heads: 4,
    encoder_ffn_dim: 256,
    decoder_layers: 2,
    decoder_attention_heads: 4,
    decoder_ffn_dim: 256,
    max_source_positions: 100,
    max_target_positions: 128,
  };
  const ends = {
    bos_token_id: endOfTextId,
    eos_token_id: endOfTextId,
    pad_token_id: endOfTextId,
    decoder_start_token_id: endOfTextId,
  };
  // Whisper has 100 frames of features a second, and two frames for each position of the encoder.
  const frames = 2 * sizes.max_source_positions;
  const audio = { sampling_rate: 16_000, hop_length: 160, n_fft: 400 };
  return {
    config: {
      model_type: "whisper",
      architectures: ["WhisperForConditionalGeneration"],
      ...sizes,
      activation_function: "gelu",
      is_encoder_decoder: true,
      scale_embedding: false,
      tie_word_embeddings: true,
      ...ends,
    },
    describing: {
      "generation_config.json": { ...ends, do_sample: false, max_new_tokens: 16 },
      "preprocessor_config.json": {
        feature_extractor_type: "WhisperFeatureExtractor",
        processor_class: "WhisperProcessor",
        feature_size: sizes.num_mel_bins,
        ...audio,
        chunk_length: frames / 100,
        n_samples: frames * audio.hop_length,
        nb_max_frames: frames,
        padding_side: "right",
        padding_value: 0,
        return_attention_mask: false,
      },
      ...tokenizerFiles(bytePairTokenizer()),
    },
    graph: (name, seed) => whisperGraph(name, sizes, seed),
  };
}

export function tinyClip(): Recipe {
  const tower = {
    hidden_size: 96,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    intermediate_size: 192,
    layer_norm_eps: 1e-5,
  };
  const text = { ...tower, vocab_size: bytePairVocabSize, max_position_embeddings: 128 };
  const vision = { ...tower, image_size: 32, patch_size: 8, num_channels: 3 };
  const joint = { projection_dim: 64, logit_scale_init_value: 2.6592 };
  const ends = { bos_token_id: endOfTextId, eos_token_id: endOfTextId, pad_token_id: endOfTextId };
  const side = { height: vision.image_size, width: vision.image_size };
  return {
    config: {
      model_type: "clip",
      architectures: ["CLIPModel"],
      ...joint,
      text_config: { model_type: "clip_text_model", ...text, hidden_act: "quick_gelu", ...ends },
      vision_config: { model_type: "clip_vision_model", ...vision, hidden_act: "quick_gelu" },
    },
    describing: {
      "preprocessor_config.json": {
        image_processor_type: "CLIPImageProcessor",
        processor_class: "CLIPProcessor",
        do_resize: true,
        size: { shortest_edge: vision.image_size },
        resample: 3,
        do_center_crop: true,
        crop_size: side,
        do_rescale: true,
        rescale_factor: 1 / 255,
        do_normalize: true,
        do_convert_rgb: true,
        // Mean and deviation of the pictures that CLIP was trained on.
        image_mean: [0.48145466, 0.4578275, 0.40821073],
        image_std: [0.26862954, 0.26130258, 0.27577711],
      },
      ...tokenizerFiles(bytePairTokenizer()),
    },
    graph: (name, seed) => clipGraph(name, { text, vision, ...joint }, seed),
  };
}

function tokenizerFiles(files: {
  readonly tokenizer: JsonObject;
  readonly tokenizerConfig: JsonObject;
}): Record<string, JsonObject> {
  return { "tokenizer.json": files.tokenizer, "tokenizer_config.json": files.tokenizerConfig };
}
