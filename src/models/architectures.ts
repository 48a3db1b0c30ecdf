import type { JsonObject } from "../base/index.ts";

/** What kinds of input and output a model has. `unknown`: its `model_type` is not in our table. */
export const architectures = [
  "encoder-only",
  "decoder-only",
  "encoder-decoder",
  "vision",
  "speech",
  "multimodal",
  "unknown",
] as const;
export type Architecture = (typeof architectures)[number];

/** Model families (`model_type` of `config.json`) by architecture: the common ones, and those that Transformers.js runs. */
const families: Readonly<Record<Exclude<Architecture, "unknown">, readonly string[]>> = {
  "encoder-only": [
    ...["bert", "roberta", "distilbert", "albert", "electra", "deberta", "deberta-v2", "mpnet", "camembert"],
    ...["xlm", "xlm-roberta", "modernbert", "nomic_bert", "mobilebert", "squeezebert", "convbert", "roformer", "esm"],
    ...["eurobert", "neobert", "ernie", "longformer", "big_bird", "funnel", "rembert", "xlm-roberta-xl"],
  ],
  "decoder-only": [
    ...["gpt2", "gpt_neo", "gpt_neox", "gptj", "gpt_bigcode", "gpt_oss", "codegen", "jais", "bloom", "opt", "mpt"],
    ...["llama", "llama4_text", "mistral", "mistral4", "mixtral", "ministral", "ministral3", "deepseek_v3", "falcon"],
    ...["falcon_h1", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next", "gemma", "gemma2", "gemma3_text"],
    ...["phi", "phi3", "stablelm", "starcoder2", "smollm3", "olmo", "olmo2", "olmo3", "cohere", "cohere2", "granite"],
    ...["granitemoehybrid", "exaone", "glm", "helium", "lfm2", "lfm2_moe", "mobilellm", "nanochat", "openelm"],
    ...["arcee", "apertus", "ernie4_5", "hunyuan_v1_dense", "modernbert-decoder", "nemotron_h", "vaultgemma", "mamba"],
  ],
  "encoder-decoder": [
    ...[
      "t5",
      "mt5",
      "umt5",
      "longt5",
      "bart",
      "mbart",
      "pegasus",
      "marian",
      "m2m_100",
      "nllb_moe",
      "led",
      "prophetnet",
    ],
    ...["blenderbot", "blenderbot-small", "encoder-decoder", "switch_transformers", "t5gemma"],
  ],
  vision: [
    ...["vit", "vit_msn", "vit_mae", "deit", "beit", "ijepa", "swin", "swinv2", "swin2sr", "pvt", "hiera", "fastvit"],
    ...["convnext", "convnextv2", "resnet", "regnet", "dinov2", "dinov2_with_registers", "dinov3_vit"],
    ...["dinov3_convnext", "efficientnet", "mobilevit", "mobilevitv2", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3"],
    ...[
      "mobilenet_v4",
      "detr",
      "rt_detr",
      "rt_detr_v2",
      "rf_detr",
      "d_fine",
      "table-transformer",
      "yolos",
      "segformer",
    ],
    ...["maskformer", "sam", "sam2", "dpt", "glpn", "depth_anything", "depth_pro", "vitmatte", "donut-swin"],
  ],
  speech: [
    ...["whisper", "lite-whisper", "moonshine", "speecht5", "hifigan", "vits", "musicgen", "style_text_to_speech_2"],
    ...["wav2vec2", "wav2vec2-bert", "hubert", "wavlm", "unispeech", "unispeech-sat", "audio-spectrogram-transformer"],
    ...["pyannote", "wespeaker-resnet", "encodec", "mimi", "dac", "snac", "seamless_m4t"],
  ],
  multimodal: [
    ...["clip", "chinese_clip", "clipseg", "jina_clip", "siglip", "siglip2", "clap", "align", "groupvit", "blip"],
    ...["blip-2", "owlvit", "owlv2", "grounding-dino", "vision-encoder-decoder", "trocr", "llava", "llava_onevision"],
    ...["llava_qwen2", "florence2", "paligemma", "idefics3", "smolvlm", "qwen2_vl", "qwen2_5_vl", "qwen3_vl"],
    ...["gemma3", "gemma3n", "phi3_v", "mistral3", "lfm2_vl", "multi_modality", "moondream1", "ultravox", "voxtral"],
  ],
};

/** All families whose architecture is known. */
export const knownFamilies: readonly string[] = Object.values(families).flat();

const architectureOfFamily: ReadonlyMap<string, Architecture> = new Map(
  architectures.flatMap((architecture) =>
    architecture === "unknown" ? [] : families[architecture].map((family) => [family, architecture] as const),
  ),
);

/** The architecture of a family, by its `model_type`. */
export function architectureOf(family: string): Architecture {
  return architectureOfFamily.get(family) ?? "unknown";
}

/** Reads family and architecture from a `config.json`. */
export function detectFamily(config: JsonObject): { family: string; architecture: Architecture } {
  const family = typeof config["model_type"] === "string" ? config["model_type"] : "unknown";
  return { family, architecture: architectureOf(family) };
}
