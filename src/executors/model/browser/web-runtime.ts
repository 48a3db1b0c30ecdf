import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The files of ONNX Runtime for browsers: a folder of scripts and WebAssembly. */
export function webRuntime(): { folder: string; version: string } {
  const folder = dirname(fileURLToPath(import.meta.resolve("onnxruntime-web")));
  const { version } = JSON.parse(readFileSync(join(folder, "..", "package.json"), "utf8")) as { version: string };
  return { folder, version };
}
