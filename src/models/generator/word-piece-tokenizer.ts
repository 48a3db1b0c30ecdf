import type { JsonObject } from "../../base/index.ts";

const specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;
const characters = "abcdefghijklmnopqrstuvwxyz0123456789";
const punctuation = ".,!?;:'\"()-";
const words =
  "the of and a to in is it you that he was for on are with as his they be at one have this from or had by not but what all were we " +
  "when your can said there use an each which she do how their if will up other about out many then them these so some her would make " +
  "like him into time has look two more write go see number no way could people my than first water been call who oil its now find long " +
  "down day did get come made may part test model run fast slow good bad hello world";

/** The identifiers of BERT's special tokens in every vocabulary made here. */
export const bertTokenIds = { pad: 0, unknown: 1, start: 2, separator: 3, mask: 4 } as const;

/** A lower-casing WordPiece tokenizer in the format of Hugging Face's `tokenizer.json`, with exactly `vocabSize` tokens. */
export function wordPieceTokenizer(vocabSize: number): { tokenizer: JsonObject; tokenizerConfig: JsonObject } {
  const special = specialTokens.map((content, id) => addedToken(id, content));
  const template = (id: string): JsonObject => ({ SpecialToken: { id, type_id: 0 } });
  const tokenizer: JsonObject = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special,
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [template("[CLS]"), { Sequence: { id: "A", type_id: 0 } }, template("[SEP]")],
      pair: [
        template("[CLS]"),
        { Sequence: { id: "A", type_id: 0 } },
        template("[SEP]"),
        { Sequence: { id: "B", type_id: 1 } },
        { SpecialToken: { id: "[SEP]", type_id: 1 } },
      ],
      special_tokens: {
        "[CLS]": { id: "[CLS]", ids: [bertTokenIds.start], tokens: ["[CLS]"] },
        "[SEP]": { id: "[SEP]", ids: [bertTokenIds.separator], tokens: ["[SEP]"] },
      },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: vocabulary(vocabSize),
    },
  };
  const tokenizerConfig: JsonObject = {
    tokenizer_class: "BertTokenizer",
    do_lower_case: true,
    model_max_length: 128,
    pad_token: "[PAD]",
    unk_token: "[UNK]",
    cls_token: "[CLS]",
    sep_token: "[SEP]",
    mask_token: "[MASK]",
  };
  return { tokenizer, tokenizerConfig };
}

function addedToken(id: number, content: string): JsonObject {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}

function vocabulary(vocabSize: number): Record<string, number> {
  const single = [...characters, ...punctuation];
  const continued = [...characters].map((character) => `##${character}`);
  const tokens = [...new Set([...specialTokens, ...single, ...continued, ...words.split(" ")])];
  if (tokens.length > vocabSize) throw new Error(`a vocabulary of ${vocabSize} cannot hold ${tokens.length} tokens`);
  for (let index = 0; tokens.length < vocabSize; index += 1) tokens.push(`[unused${index}]`);
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}
