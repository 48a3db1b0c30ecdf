import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errorCode, errorMessage } from "../base/index.ts";
import type { JsonObject } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { detectFamily } from "./architectures.ts";
import type { Architecture } from "./architectures.ts";
import { readOnnx } from "./onnx/onnx-reader.ts";
import type { OnnxSummary } from "./onnx/onnx-reader.ts";
import { onnxCandidates } from "./precision.ts";
import type { Precision } from "./precision.ts";
import { inspectPyTorchWeights } from "./pytorch-weights.ts";

/** What loads it: ONNX Runtime, or PyTorch. */
export type ModelFormat = "onnx" | "pytorch";

export interface DataFile {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
}

/** A model on this machine's disk, ready to be loaded. */
export interface ModelFolder {
  /** What the user called it: catalogue id, hub id or path. */
  readonly id: string;
  readonly family: string;
  readonly architecture: Architecture;
  readonly path: string;
  /** Absolute path of the ONNX file, or of PyTorch's weights where those were asked for; of generated models always the ONNX file. */
  readonly modelFile: string;
  /** Files beside it that have some of its numbers, by the names that it gives them. */
  readonly dataFiles: readonly DataFile[];
  /** SHA-256 of `modelFile`, in hexadecimal. Numbers that it keeps in files beside it are not part of it. */
  readonly sha256: string;
  readonly parameterCount: number;
  readonly precision: Precision;
  readonly source: "generated" | "local" | "hub";
  /** The content of `config.json`. */
  readonly config: JsonObject;
}

/**
 * Reads a model folder. Throws `model_file_missing` naming the folder and the file when `config.json`, the ONNX file of this
 * precision, one that it keeps numbers in, or PyTorch's weights are not there; `model_unreadable` when the file is damaged;
 * `model_unsupported` when one with numbers lies outside of the folder.
 */
export async function openModelFolder(
  path: string,
  as: { readonly id: string; readonly source: ModelFolder["source"]; readonly precision: Precision },
  format: ModelFormat = "onnx",
): Promise<ModelFolder> {
  const config = await readConfig(path);
  return { ...as, ...detectFamily(config), path, ...(await inspectFile(path, { config, format, ...as })), config };
}

export type InspectedFile = Pick<ModelFolder, "modelFile" | "dataFiles" | "sha256" | "parameterCount">;

async function inspectFile(
  path: string,
  model: { readonly config: JsonObject; readonly format: ModelFormat; readonly precision: Precision },
): Promise<InspectedFile> {
  if (model.format === "onnx") return inspectOnnxFile(path, model.precision);
  if (isGenerated(model)) return inspectOnnxFile(path, "fp32");
  const weights = await inspectPyTorchWeights(path);
  if (weights !== undefined) return weights;
  throw assayError(
    "model_file_missing",
    `The model folder ${path} has no PyTorch weights as safetensors; it has ${await contentOf(path)}`,
    { next: "Save the model there with `save_pretrained`, or ask for one of ONNX Runtime's backends." },
  );
}

/** Whether its weights and formulas are those of a built-in model. */
export function isGenerated({ config }: Pick<ModelFolder, "config">): boolean {
  return config["assay_generated"] !== undefined;
}

async function inspectOnnxFile(path: string, precision: Precision): Promise<InspectedFile> {
  const { modelFile, bytes } = await readOnnxFile(path, precision);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { modelFile, sha256, ...lookInto(modelFile, bytes) };
}

/** The `config.json` of a model folder. Error: model_file_missing. */
export async function readConfig(path: string): Promise<JsonObject> {
  const file = join(path, "config.json");
  const text = await readIfPresent(file);
  if (text === undefined) throw assayError("model_file_missing", `The model folder ${path} has no config.json`);
  try {
    const config: unknown = JSON.parse(new TextDecoder().decode(text));
    if (typeof config === "object" && config !== null && !Array.isArray(config)) return config as JsonObject;
  } catch (cause) {
    throw assayError("model_file_missing", `${file} is not valid JSON`, { cause, next: "Repair or replace the file." });
  }
  throw assayError("model_file_missing", `${file} does not hold a JSON object`, {
    next: "Repair or replace the file.",
  });
}

async function readOnnxFile(path: string, precision: Precision): Promise<{ modelFile: string; bytes: Uint8Array }> {
  const candidates = onnxCandidates(precision);
  for (const name of candidates) {
    const modelFile = join(path, ...name.split("/"));
    const bytes = await readIfPresent(modelFile);
    if (bytes !== undefined) return { modelFile, bytes };
  }
  throw assayError(
    "model_file_missing",
    `The model folder ${path} has no ONNX file for precision ${precision}; looked for ${candidates.join(", ")}; it has ${await contentOf(path)}`,
    { next: "Export the model to ONNX in this precision, or ask for another precision." },
  );
}

/** What is in a folder, for messages. */
async function contentOf(path: string): Promise<string> {
  const names = (await readdir(path)).toSorted();
  return names.length > MOST_NAMES ? `${names.slice(0, MOST_NAMES).join(", ")}, …` : names.join(", ");
}

const MOST_NAMES = 10;

async function readIfPresent(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

function lookInto(file: string, bytes: Uint8Array): Pick<ModelFolder, "parameterCount" | "dataFiles"> {
  const { parameterCount, initializers } = summaryOf(file, bytes);
  const names = new Set(initializers.flatMap(({ location }) => location ?? []));
  return { parameterCount, dataFiles: [...names].map((name) => dataFile(file, name)) };
}

function dataFile(onnxFile: string, name: string): DataFile {
  const file = join(dirname(onnxFile), name);
  // A model from elsewhere must not name files of this machine.
  if (name !== basename(name)) {
    throw assayError("model_unsupported", `${onnxFile} keeps numbers in "${name}", outside of its own folder`);
  }
  if (existsSync(file)) return { name, file };
  throw assayError("model_file_missing", `${onnxFile} keeps numbers in ${file}, which is not there`, {
    next: "Copy the file beside the ONNX file, or download the model again.",
  });
}

function summaryOf(file: string, bytes: Uint8Array): OnnxSummary {
  try {
    return readOnnx(bytes);
  } catch (cause) {
    const message = `${file} is not a readable ONNX file: ${errorMessage(cause)}`;
    throw assayError("model_unreadable", message, { cause });
  }
}
