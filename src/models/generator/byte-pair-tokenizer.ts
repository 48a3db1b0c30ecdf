import type { JsonObject } from "../../base/index.ts";

const END_OF_TEXT = "<|endoftext|>";

/** Pairs in the order in which they are merged; "Ġ" stands for a space before a word. */
const merges = [
  ...["Ġ t", "Ġ a", "h e", "i n", "r e", "o n", "Ġt he", "e r", "Ġ s", "a t", "Ġ w", "Ġ o", "e n", "Ġ c", "i t", "i s"],
  ...["a n", "o r", "e s", "Ġ b", "e d", "Ġ f", "in g", "Ġ p", "o u", "Ġa n", "a l", "a r", "Ġt o", "Ġ m", "Ġo f"],
];

/** 256 bytes, the merged pairs and the end token. */
export const bytePairVocabSize = 256 + merges.length + 1;
/** The identifier of the end token, which is also the start token, as in GPT-2. */
export const endOfTextId = bytePairVocabSize - 1;

/** A byte-level byte-pair tokenizer in the format of Hugging Face's `tokenizer.json`. It can encode any text. */
export function bytePairTokenizer(): { tokenizer: JsonObject; tokenizerConfig: JsonObject } {
  const tokens = [...byteCharacters(), ...merges.map((pair) => pair.replace(" ", "")), END_OF_TEXT];
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const tokenizer: JsonObject = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [{ id: endOfTextId, content: END_OF_TEXT, ...flags }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: { ...byteLevel, trim_offsets: false },
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
  const tokenizerConfig: JsonObject = {
    tokenizer_class: "GPT2Tokenizer",
    add_prefix_space: false,
    model_max_length: 128,
    bos_token: END_OF_TEXT,
    eos_token: END_OF_TEXT,
    unk_token: END_OF_TEXT,
  };
  return { tokenizer, tokenizerConfig };
}

/** GPT-2's printable stand-ins for the 256 bytes: visible Latin-1 as itself, the rest from U+0100 upwards. */
function byteCharacters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    if (visible) return String.fromCharCode(byte);
    next += 1;
    return String.fromCharCode(next - 1);
  });
}
