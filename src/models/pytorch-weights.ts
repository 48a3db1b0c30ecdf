import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { assayError } from "../contracts/index.ts";

/** Where Hugging Face's models have their PyTorch weights, the preferred first; of those in several files, the index. */
const weightFiles = [
  ...["model.safetensors", "model.safetensors.index.json"],
  ...["pytorch_model.bin", "pytorch_model.bin.index.json"],
];

/** One of several files that hold the weights. */
const shard = /^(model|pytorch_model)-\d+-of-\d+\.(safetensors|bin)$/;

/** Which of a repository's files are PyTorch's weights; none where it has none. */
export function pytorchFilesAmong(names: readonly string[]): string[] {
  const first = weightFiles.find((name) => names.includes(name));
  if (first === undefined) return [];
  if (!first.endsWith(".index.json")) return [first];
  const suffix = first.includes("safetensors") ? ".safetensors" : ".bin";
  return [first, ...names.filter((name) => shard.test(name) && name.endsWith(suffix))];
}

/** What a folder's PyTorch weights are. Throws `model_file_missing` where it has none. */
export async function inspectPyTorchWeights(
  path: string,
): Promise<{ modelFile: string; sha256: string; parameterCount: number | null }> {
  const name = weightFiles.find((candidate) => existsSync(join(path, candidate)));
  if (name === undefined) {
    const message = `The model folder ${path} has no PyTorch weights; looked for ${weightFiles.join(", ")}`;
    throw assayError("model_file_missing", `${message}; it has ${(await readdir(path)).toSorted().join(", ")}`, {
      next: "Save the model there with `save_pretrained`, or ask for one of ONNX Runtime's backends.",
    });
  }
  const modelFile = join(path, name);
  const hash = createHash("sha256");
  await pipeline(createReadStream(modelFile), hash);
  const parameterCount = name === "model.safetensors" ? await countSafetensors(modelFile) : null;
  return { modelFile, sha256: hash.digest("hex"), parameterCount };
}

/** From the header: its length in 8 bytes, then JSON with a shape for each tensor. */
async function countSafetensors(file: string): Promise<number> {
  await using handle = await open(file);
  try {
    const { buffer: length } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    const { buffer: text } = await handle.read(Buffer.alloc(Number(length.readBigUInt64LE())), 0, null, 8);
    const { __metadata__: _, ...tensors } = JSON.parse(text.toString()) as Record<string, { shape: number[] }>;
    const counts = Object.values(tensors).map(({ shape }) => shape.reduce((product, size) => product * size, 1));
    return counts.reduce((sum, count) => sum + count, 0);
  } catch (cause) {
    const next = "Download the model again.";
    throw assayError("model_file_missing", `${file} is not a readable safetensors file`, { cause, next });
  }
}
