import type { JsonObject } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { detectFamily } from "./architectures.ts";
import { findModel } from "./catalogue.ts";
import { generatedModelIds, generateModel } from "./generator/generated-model.ts";
import type { ModelFolder } from "./model-folder.ts";
import { readOnnx } from "./onnx/onnx-reader.ts";
import { onnxCandidates } from "./precision.ts";
import type { Precision } from "./precision.ts";

/**
 * Makes a generated model where there is no disk: a tab has one from nobody else. The same bytes as in a model folder. Throws
 * `unknown_model` for models that are not generated, and `model_file_missing` for `bf16`.
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
  const files = generateModel(entry.origin.id, { precision });
  const [modelFile] = onnxCandidates(precision);
  const config = JSON.parse(new TextDecoder().decode(files.get("config.json"))) as JsonObject;
  const onnx = new Uint8Array(files.get(modelFile) ?? []);
  const model: ModelFolder = {
    id: entry.id,
    source: "generated",
    precision,
    ...detectFamily(config),
    path: "",
    modelFile,
    dataFiles: [],
    sha256: hex(await crypto.subtle.digest("SHA-256", onnx)),
    parameterCount: readOnnx(onnx).parameterCount,
    config,
  };
  return { model, onnx };
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
