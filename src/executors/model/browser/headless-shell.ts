import { createReadStream, createWriteStream } from "node:fs";
import { chmod, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";
import tar from "tar-fs";
import { errorCode, errorMessage } from "../../../base/index.ts";
import { assayError } from "../../../contracts/index.ts";
import { publishFolder } from "../../../models/index.ts";

const PACKAGE = "@sparticuz/chromium";
const EXECUTABLE = "chromium";

/** Chromium's headless shell with its software renderer of Vulkan, unpacked. */
export interface HeadlessShell {
  readonly executable: string;
  /** Holds SwiftShader and a loader for it: what Vulkan programs need to run without a GPU. */
  readonly folder: string;
  /** What makes Vulkan programs find SwiftShader there. */
  readonly vulkanDriver: string;
}

/**
 * Unpacks the shell into the cache once; undefined where its package is not installed. Throws `disk_full` or `data_dir_read_only` when
 * there is no place for it.
 */
export async function headlessShell(cacheDir: string): Promise<HeadlessShell | undefined> {
  const source = packageFolder();
  if (source === undefined) return undefined;
  const { version } = JSON.parse(await readFile(join(source, "package.json"), "utf8")) as { version: string };
  const folder = join(cacheDir, "browsers", `headless-shell-${version}`);
  try {
    await publishFolder(folder, (draft) => unpack(source, draft));
  } catch (cause) {
    const code = errorCode(cause) === "ENOSPC" ? "disk_full" : "data_dir_read_only";
    const message = `The headless shell (200 MB) cannot be unpacked into ${folder}: ${errorMessage(cause)}`;
    throw assayError(code, message, { cause });
  }
  return { executable: join(folder, EXECUTABLE), folder, vulkanDriver: join(folder, "vk_swiftshader_icd.json") };
}

function packageFolder(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  try {
    return join(dirname(fileURLToPath(import.meta.resolve(PACKAGE))), "..");
  } catch {
    return undefined;
  }
}

async function unpack(source: string, folder: string): Promise<void> {
  const executable = join(folder, EXECUTABLE);
  await pipeline(packed(source, "chromium.br"), createBrotliDecompress(), createWriteStream(executable));
  await chmod(executable, 0o755);
  await pipeline(packed(source, "swiftshader.tar.br"), createBrotliDecompress(), tar.extract(folder));
}

const packed = (source: string, name: string): NodeJS.ReadableStream => createReadStream(join(source, "bin", name));
