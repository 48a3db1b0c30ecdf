import type { JsonObject } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { detectFamily } from "./architectures.ts";
import { findModel } from "./catalogue.ts";
import { generatedModelIds, generateModel } from "./generator/generated-model.ts";
import type { ModelFolder, Precision } from "./model-folder.ts";
import { readOnnx } from "./onnx/onnx-reader.ts";

const ONNX_FILE = "onnx/model.onnx";

/**
 * Makes a generated model where there is no disk: a tab has one from nobody else. The same bytes as in a model folder. Throws
 * `unknown_model` for models that are not generated, and `model_file_missing` for another precision than `fp32`.
 */
export async function generatedModel(
  name: string,
  precision: Precision,
): Promise<{ model: ModelFolder; onnx: Uint8Array<ArrayBuffer> }> {
  const entry = findModel(name);
  if (entry?.origin.source !== "generated") {
    throw assayError("unknown_model", `A tab has only the models that Assay makes, not "${name}"`, {
      next: `Take one of ${generatedModelIds.join(", ")}, or a worker that is no tab.`,
    });
  }
  if (precision !== "fp32")
    throw assayError("model_file_missing", `The model ${entry.id} is made in fp32 only, not in ${precision}`);
  const files = generateModel(entry.origin.id);
  const config = JSON.parse(new TextDecoder().decode(files.get("config.json"))) as JsonObject;
  const onnx = new Uint8Array(files.get(ONNX_FILE) ?? []);
  const model: ModelFolder = {
    id: entry.id,
    source: "generated",
    precision,
    ...detectFamily(config),
    path: "",
    onnxFile: ONNX_FILE,
    sha256: hex(await crypto.subtle.digest("SHA-256", onnx)),
    parameterCount: readOnnx(onnx).parameterCount,
    config,
  };
  return { model, onnx };
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
