import { existsSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { assayError } from "../contracts/index.ts";
import { findModel, nearMatches } from "./catalogue.ts";
import { publishFolder } from "./folder-publication.ts";
import { DEFAULT_MODEL_SEED, GENERATOR_VERSION, generateModel } from "./generator/generated-model.ts";
import type { GeneratedModelId } from "./generator/generated-model.ts";
import { downloadModel } from "./hub.ts";
import { openModelFolder } from "./model-folder.ts";
import type { ModelFolder, ModelFormat } from "./model-folder.ts";
import type { Precision } from "./precision.ts";

export interface ResolveOptions {
  /** Where generated and downloaded models are kept. */
  readonly cacheDir: string;
  /** Default `fp32`. */
  readonly precision?: Precision;
  /** Default `onnx`. PyTorch takes 32-bit weights at every precision, and makes others of them. */
  readonly format?: ModelFormat;
  /** Branch, tag or commit on the hub. Default `main`. */
  readonly revision?: string;
  /** Another hub than huggingface.co. */
  readonly hubUrl?: string;
  readonly accessToken?: string;
  /** Stops a download; `resolveModel` then rejects with the signal's reason and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

/**
 * Finds a model by catalogue id or alias, by the path of a folder, or by hub id (`organisation/name`), and brings it to this machine's
 * disk: generated models are made, hub models downloaded, both once per cache. Throws `unknown_model`, `model_file_missing` or
 * `hub_unreachable`.
 */
export async function resolveModel(idOrPath: string, options: ResolveOptions): Promise<ModelFolder> {
  const precision = options.precision ?? "fp32";
  const entry = findModel(idOrPath);
  if (entry?.origin.source === "generated") {
    const stored = options.format === "pytorch" ? "fp32" : precision;
    const path = await generatedFolder(entry.origin.id, stored, options.cacheDir);
    return openModelFolder(path, { id: entry.id, source: "generated", precision }, options.format);
  }
  if (entry?.origin.source === "hub") return fromHub(entry.id, entry.origin.repository, options);
  if (isFolder(idOrPath))
    return openModelFolder(resolve(idOrPath), { id: idOrPath, source: "local", precision }, options.format);
  refuseUnknownModel(idOrPath);
  return fromHub(idOrPath, idOrPath, options);
}

/** Refuses what is neither in the catalogue nor a folder, unless the hub may have it. Error: unknown_model. */
export function refuseUnknownModel(idOrPath: string): void {
  if (looksLikePath(idOrPath)) throw unknownModel(`There is no model folder ${resolve(idOrPath)}`, idOrPath);
  if (!isHubId(idOrPath)) throw unknownModel(`There is no model "${idOrPath}"`, idOrPath);
}

async function generatedFolder(id: GeneratedModelId, precision: Precision, cacheDir: string): Promise<string> {
  const name = `${id}-v${GENERATOR_VERSION}-seed${DEFAULT_MODEL_SEED}@${precision}`;
  const target = join(resolve(cacheDir), "generated", name);
  await publishFolder(target, async (folder) => {
    for (const [name, content] of generateModel(id, { precision })) {
      const file = join(folder, ...name.split("/"));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
  });
  return target;
}

async function fromHub(id: string, repository: string, options: ResolveOptions): Promise<ModelFolder> {
  const { precision = "fp32", format = "onnx" } = options;
  const revision = options.revision ?? "main";
  if (!/^\w[\w./-]*$/.test(revision) || revision.includes("..")) {
    const next = "Give the name of a branch, a tag or a commit.";
    throw assayError("unknown_model", `The hub has no revision "${revision}" of ${repository}`, { next });
  }
  const folderName = [repository, revision].map((part) => part.replaceAll("/", "--")).join("@");
  const target = join(resolve(options.cacheDir), "hub", `${folderName}@${format === "pytorch" ? format : precision}`);
  await publishFolder(target, (folder) =>
    downloadModel(folder, { ...options, repository, revision, precision, format }),
  );
  return openModelFolder(target, { id, source: "hub", precision }, format);
}

/** Whether a name that is not in the catalogue is that of a model folder. */
export function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/** `organisation/name` by the hub's rules: names begin with a letter, digit or underscore and have no two dots in a row. */
function isHubId(text: string): boolean {
  return /^\w[\w.-]*\/\w[\w.-]*$/.test(text) && !text.includes("..");
}

/** Relative and absolute paths of all operating systems; `a/b` alone is a hub id. */
function looksLikePath(text: string): boolean {
  return /^(\.{1,2}([/\\]|$)|[/\\~]|[A-Za-z]:[/\\])/.test(text) || text.split("/").length > 2;
}

function unknownModel(message: string, name: string): Error {
  return assayError("unknown_model", `${message}. Near: ${nearMatches(name).join(", ")}`);
}
