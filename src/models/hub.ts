import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ListFileEntry } from "@huggingface/hub";
import { errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { onnxCandidates } from "./precision.ts";
import type { ModelFormat } from "./model-folder.ts";
import type { Precision } from "./precision.ts";
import { pytorchFilesAmong } from "./pytorch-weights.ts";

type HubModule = typeof import("@huggingface/hub");

/** Which files of which repository to get, and from where. */
export interface HubRequest {
  /** `organisation/name`. */
  readonly repository: string;
  readonly revision: string;
  readonly precision: Precision;
  readonly format: ModelFormat;
  /** Another hub than huggingface.co. */
  readonly hubUrl?: string;
  readonly accessToken?: string;
  /** Stops the download; what was downloaded is for the caller to remove. */
  readonly signal?: AbortSignal;
}

/** Files beside the ONNX file that describe the model and its inputs. All but the first may be missing. */
const describingFiles = [
  "config.json",
  "generation_config.json",
  "preprocessor_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
];

/**
 * Downloads a model's files into a folder and checks their sizes and, where the hub tells them, their digests. Throws `unknown_model`
 * when the hub does not have it, `model_file_missing` when it has no files of this format and precision, `hub_unreachable` otherwise.
 */
export async function downloadModel(folder: string, request: HubRequest): Promise<void> {
  const hub = await loadHub();
  const params = {
    repo: { type: "model" as const, name: request.repository },
    revision: request.revision,
    ...(request.hubUrl === undefined ? {} : { hubUrl: request.hubUrl }),
    ...(request.accessToken === undefined ? {} : { accessToken: request.accessToken }),
    ...(request.signal === undefined ? {} : { fetch: stoppableFetch(request.signal) }),
  };
  try {
    const files = new Map<string, ListFileEntry>();
    for await (const entry of hub.listFiles({ ...params, recursive: true })) files.set(entry.path, entry);
    for (const entry of wantedFiles(files, request)) {
      const content = await hub.downloadFile({ ...params, path: entry.path });
      if (content === null) throw new Error(`the hub lists ${entry.path} but does not give it`);
      await store(content, entry, join(folder, ...entry.path.split("/")));
    }
  } catch (error) {
    request.signal?.throwIfAborted();
    throw explain(error, request, hub);
  }
}

/** The client library knows no signals, but lets us fetch for it. */
function stoppableFetch(signal: AbortSignal): typeof fetch {
  return (input, init) => fetch(input, { ...init, signal });
}

async function loadHub(): Promise<HubModule> {
  try {
    return await import("@huggingface/hub");
  } catch (cause) {
    throw assayError("dependency_missing", "The package @huggingface/hub is not installed", {
      cause,
      next: "Install it with `npm install @huggingface/hub`, or give the path of a model folder.",
    });
  }
}

function wantedFiles(files: ReadonlyMap<string, ListFileEntry>, request: HubRequest): ListFileEntry[] {
  const names = [...files.keys()];
  const { wanted, kind, next } = neededOf(names, request);
  if (wanted.length === 0 || !files.has("config.json")) {
    const missing = wanted.length === 0 ? kind : "config.json";
    throw assayError("model_file_missing", `${request.repository} on the hub has no ${missing}`, { next });
  }
  return [...describingFiles, ...wanted].flatMap((name) => files.get(name) ?? []);
}

/** `kind`: what it is that is needed; `next`: what to do where there is none. */
function neededOf(
  names: readonly string[],
  { format, precision }: HubRequest,
): { wanted: string[]; kind: string; next: string } {
  if (format === "pytorch") {
    const next = "Take another model, or one of ONNX Runtime's backends.";
    return { wanted: pytorchFilesAmong(names), kind: "PyTorch weights as safetensors", next };
  }
  const kind = `ONNX file (${onnxCandidates(precision).join(", ")})`;
  const next = "Look for an ONNX export of the model, or ask for another precision.";
  return { wanted: onnxFilesAmong(names, precision), kind, next };
}

function onnxFilesAmong(names: readonly string[], precision: Precision): string[] {
  const onnx = onnxCandidates(precision).find((name) => names.includes(name));
  if (onnx === undefined) return [];
  // Large models keep their numbers beside the graph: model.onnx_data, model.onnx_data_1, …
  return [onnx, ...names.filter((name) => name.startsWith(onnx) && /^_data(_\d+)?$/.test(name.slice(onnx.length)))];
}

async function store(content: Blob, entry: ListFileEntry, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const measure = new Transform({
    transform(chunk: Uint8Array, _encoding, done): void {
      sizeBytes += chunk.byteLength;
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(content.stream()), measure, createWriteStream(path));
  const digest = hash.digest("hex");
  if (sizeBytes !== entry.size) throw new Error(`${entry.path} has ${sizeBytes} bytes, the hub says ${entry.size}`);
  if (entry.lfs !== undefined && entry.lfs.oid !== digest) {
    throw new Error(`${entry.path} has SHA-256 ${digest}, the hub says ${entry.lfs.oid}`);
  }
}

function explain(error: unknown, request: HubRequest, hub: HubModule): Error {
  if (error instanceof Error && error.name === "AssayError") return error;
  const status = error instanceof hub.HubApiError ? error.statusCode : undefined;
  // The hub answers 401 for a repository that does not exist, to hide private ones.
  if (status === 401 || status === 403 || status === 404) {
    return assayError(
      "unknown_model",
      `The hub has no model ${request.repository} (revision ${request.revision}) that may be read`,
      {
        cause: error,
        next: "Check the name, or pass an access token if the model is private.",
      },
    );
  }
  const reason = error instanceof Error && error.cause !== undefined ? errorMessage(error.cause) : errorMessage(error);
  return assayError("hub_unreachable", `Model ${request.repository} could not be downloaded: ${reason}`, {
    cause: error,
  });
}
