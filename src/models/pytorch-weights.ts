import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { DataFile, InspectedFile } from "./model-folder.ts";

/**
 * Where Hugging Face's models have their PyTorch weights: one file, or the index of several. Not `pytorch_model.bin`: it is a pickle,
 * which is a program that runs when it is read.
 */
const WHOLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const PART = /^model-\d+-of-\d+\.safetensors$/;

/** The format sets this limit. */
const LONGEST_HEADER_BYTES = 100e6;

/** Which of a repository's files are PyTorch's weights; none where it has none. */
export function pytorchFilesAmong(names: readonly string[]): string[] {
  if (names.includes(WHOLE)) return [WHOLE];
  return names.includes(INDEX) ? [INDEX, ...names.filter((name) => PART.test(name))] : [];
}

/** What a folder's PyTorch weights are; `undefined` where it has none. Throws `model_file_missing` or `model_unreadable`. */
export async function inspectPyTorchWeights(path: string): Promise<InspectedFile | undefined> {
  const modelFile = [WHOLE, INDEX].map((name) => join(path, name)).find((file) => existsSync(file));
  if (modelFile === undefined) return undefined;
  const dataFiles = basename(modelFile) === INDEX ? await partsOf(path, modelFile) : [];
  const hash = createHash("sha256");
  await pipeline(createReadStream(modelFile), hash);
  const weightFiles = dataFiles.length === 0 ? [modelFile] : dataFiles.map(({ file }) => file);
  const counts = await Promise.all(weightFiles.map(countNumbers));
  const parameterCount = counts.reduce((sum, count) => sum + count, 0);
  return { modelFile, dataFiles, sha256: hash.digest("hex"), parameterCount };
}

async function partsOf(path: string, index: string): Promise<DataFile[]> {
  const names = await readable(index, async () => {
    const { weight_map } = JSON.parse(await readFile(index, "utf8")) as { weight_map: Record<string, string> };
    return [...new Set(Object.values(weight_map))];
  });
  return names.map((name) => {
    const file = join(path, name);
    if (!PART.test(name)) throw assayError("model_unsupported", `${index} keeps weights in "${name}"`);
    if (existsSync(file)) return { name, file };
    throw assayError("model_file_missing", `${index} keeps weights in ${file}, which is not there`, {
      next: "Copy the file beside the index, or download the model again.",
    });
  });
}

/** From the header: its length in 8 bytes, then JSON with a shape for each tensor. */
function countNumbers(file: string): Promise<number> {
  return readable(file, async () => {
    await using handle = await open(file);
    const { buffer: start } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    const length = Number(start.readBigUInt64LE());
    if (length > LONGEST_HEADER_BYTES) throw new Error(`its header would have ${length} bytes`);
    const { buffer: text } = await handle.read(Buffer.alloc(length), 0, length, 8);
    const { __metadata__: _, ...tensors } = JSON.parse(text.toString()) as Record<string, { shape: number[] }>;
    const counts = Object.values(tensors).map(({ shape }) => shape.reduce((product, size) => product * size, 1));
    return counts.reduce((sum, count) => sum + count, 0);
  });
}

async function readable<Value>(file: string, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (cause) {
    const message = `${file} is not readable as PyTorch weights: ${errorMessage(cause)}`;
    throw assayError("model_unreadable", message, { cause });
  }
}
