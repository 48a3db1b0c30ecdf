import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { siblingModule } from "../../../base/index.ts";

const INPUT = fileURLToPath(siblingModule(import.meta.url, "../page/page-program"));

/** Left to the page's import map: the runtime is large and comes as it is. */
const EXTERNAL = ["onnxruntime-web", "onnxruntime-web/webgpu"];

/** A bundle with what it was made of, to see whether that is still so. */
interface Bundle {
  readonly code: string;
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Over the contents of the files. */
  readonly sha256: string;
}

/**
 * The program of a page as one module, with everything it needs but the runtime. Kept in the cache: bundling takes longer than a browser
 * takes to start.
 */
export async function pageProgram(cacheDir: string): Promise<string> {
  const folder = join(cacheDir, "browsers");
  // Checkouts and installations that share a cache have programs of their own.
  const file = join(folder, `page-program-${sha256([INPUT]).slice(0, 16)}.json`);
  const kept = await readBundle(file);
  if (kept !== undefined) return kept.code;
  const bundle = await bundlePageProgram();
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(`${file}.${process.pid}`, JSON.stringify(bundle));
    await rename(`${file}.${process.pid}`, file);
  } catch {
    // A cache that cannot be written costs time only.
  }
  return bundle.code;
}

/** Undefined when there is none, or one of other sources. */
async function readBundle(file: string): Promise<Bundle | undefined> {
  try {
    const bundle = JSON.parse(await readFile(file, "utf8")) as Bundle;
    return (await digestOf(bundle.files)) === bundle.sha256 ? bundle : undefined;
  } catch {
    return undefined;
  }
}

async function bundlePageProgram(): Promise<Bundle> {
  // Loaded only here: it is large, and seldom needed.
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    input: INPUT,
    platform: "browser",
    external: (id) => EXTERNAL.includes(id) || id.startsWith("node:"),
    // Rooms are entered through their index, which names modules of Node that no page needs.
    treeshake: { moduleSideEffects: (id) => id.includes("page-program") },
    logLevel: "silent",
  });
  try {
    const { output } = await build.generate({ format: "esm" });
    // This file has the options of the bundle.
    const files = [...(await build.watchFiles), fileURLToPath(import.meta.url)].toSorted();
    return { code: output[0].code, files, sha256: await digestOf(files) };
  } finally {
    await build.close();
  }
}

async function digestOf(files: readonly string[]): Promise<string> {
  return sha256(await Promise.all(files.map((file) => readFile(file))));
}

function sha256(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
