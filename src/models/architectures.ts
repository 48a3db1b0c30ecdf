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

/** Model families (`model_type` of `config.json`) by architecture. */
const families: Readonly<Record<Exclude<Architecture, "unknown">, readonly string[]>> = {
  "encoder-only": [
    ...["bert", "roberta", "distilbert", "albert", "electra", "deberta", "deberta-v2", "mpnet", "camembert"],
    ...["xlm-roberta", "modernbert", "nomic_bert", "mobilebert", "squeezebert", "convbert", "roformer"],
  ],
  "decoder-only": [
    ...["gpt2", "gpt_neo", "gpt_neox", "gptj", "llama", "mistral", "mixtral", "qwen2", "qwen3", "gemma", "gemma2"],
    ...["gemma3_text", "phi", "phi3", "opt", "bloom", "falcon", "mpt", "stablelm", "starcoder2", "olmo", "smollm3"],
  ],
  "encoder-decoder": ["t5", "mt5", "longt5", "bart", "mbart", "pegasus", "marian", "m2m_100", "blenderbot"],
  vision: [
    ...["vit", "deit", "beit", "swin", "convnext", "convnextv2", "resnet", "dinov2", "mobilevit", "segformer"],
    ...["mobilenet_v1", "mobilenet_v2", "detr", "yolos", "dpt", "depth_anything", "efficientnet"],
  ],
  speech: ["whisper", "wav2vec2", "hubert", "wavlm", "speecht5", "vits", "audio-spectrogram-transformer"],
  multimodal: ["clip", "siglip", "blip", "llava", "vision-encoder-decoder", "clap", "owlvit", "florence2"],
};

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
