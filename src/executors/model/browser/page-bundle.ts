import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const RUNTIME = "onnxruntime-web/webgpu";
const RUNTIME_FILE = "ort.webgpu.min.mjs";

/** A bundle with what it was made of, to see whether that is still so. */
interface Bundle {
  readonly code: string;
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Over the contents of the files. */
  readonly sha256: string;
}

/** As `bundleForBrowser`, kept in the cache: bundling takes longer than a browser takes to start. */
export async function pageProgram(
  program: URL,
  { runtimeAddress, cacheDir }: { runtimeAddress: string; cacheDir: string },
): Promise<string> {
  const folder = join(cacheDir, "browsers");
  // Checkouts and installations that share a cache have programs of their own.
  const file = join(folder, `page-program-${sha256([program.href, runtimeAddress]).slice(0, 16)}.json`);
  const kept = await readBundle(file);
  if (kept !== undefined) return kept.code;
  const bundle = await build(program, runtimeAddress);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(`${file}.${process.pid}`, JSON.stringify(bundle));
    await rename(`${file}.${process.pid}`, file);
  } catch {
    // A cache that cannot be written costs time only.
  }
  return bundle.code;
}

/** A program for browsers as one module, with everything it needs but the runtime, which is large and comes as it is from `runtimeAddress`. */
export async function bundleForBrowser(program: URL, runtimeAddress: string): Promise<string> {
  return (await build(program, runtimeAddress)).code;
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

async function build(program: URL, runtimeAddress: string): Promise<Bundle> {
  // Loaded only here: it is large, and seldom needed.
  const { rolldown } = await import("rolldown");
  const input = fileURLToPath(program);
  const bundle = await rolldown({
    input,
    platform: "browser",
    external: (id) => id === "onnxruntime-web" || id.startsWith("node:"),
    plugins: [
      {
        name: "runtime-address",
        resolveId: (id) => (id === RUNTIME ? { id: `${runtimeAddress}/${RUNTIME_FILE}`, external: "absolute" } : null),
      },
    ],
    // Rooms are entered through their index, which names modules of Node that no page needs.
    treeshake: { moduleSideEffects: (id) => basename(id) === basename(input) },
    logLevel: "silent",
  });
  try {
    const { output } = await bundle.generate({ format: "esm" });
    // This file has the options of the bundle.
    const files = [...(await bundle.watchFiles), fileURLToPath(import.meta.url)].toSorted();
    return { code: output[0].code, files, sha256: await digestOf(files) };
  } finally {
    await bundle.close();
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
