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
  /** Absolute path of the ONNX file. */
  readonly onnxFile: string;
  /** Files beside the ONNX file that have some of its numbers, by the names that it gives them. */
  readonly dataFiles: readonly DataFile[];
  /** SHA-256 of the ONNX file, in hexadecimal. Numbers that the file keeps in a second file beside it are not part of it. */
  readonly sha256: string;
  readonly parameterCount: number;
  readonly precision: Precision;
  readonly source: "generated" | "local" | "hub";
  /** The content of `config.json`. */
  readonly config: JsonObject;
}

/**
 * Reads a model folder. Throws `model_file_missing` naming the folder and the file when `config.json`, the ONNX file of this
 * precision or one that it keeps numbers in is not there; `model_unreadable` when the ONNX file is damaged; `model_unsupported` when that lies outside of the folder.
 */
export async function openModelFolder(
  path: string,
  as: { readonly id: string; readonly source: ModelFolder["source"]; readonly precision: Precision },
): Promise<ModelFolder> {
  const config = await readConfig(path);
  const { onnxFile, bytes } = await readOnnxFile(path, as.precision);
  return {
    ...as,
    ...detectFamily(config),
    path,
    onnxFile,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    ...lookInto(onnxFile, bytes),
    config,
  };
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

async function readOnnxFile(path: string, precision: Precision): Promise<{ onnxFile: string; bytes: Uint8Array }> {
  const candidates = onnxCandidates(precision);
  for (const name of candidates) {
    const onnxFile = join(path, ...name.split("/"));
    const bytes = await readIfPresent(onnxFile);
    if (bytes !== undefined) return { onnxFile, bytes };
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
