import { createReadStream, createWriteStream } from "node:fs";
import { access, chmod, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";
import tar from "tar-fs";

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

/** Unpacks the shell into the cache once; undefined where its package is not installed. */
export async function headlessShell(cacheDir: string): Promise<HeadlessShell | undefined> {
  const source = packageFolder();
  if (source === undefined) return undefined;
  const { version } = JSON.parse(await readFile(join(source, "package.json"), "utf8")) as { version: string };
  const folder = join(cacheDir, "browsers", `headless-shell-${version}`);
  if (!(await exists(join(folder, EXECUTABLE)))) await unpack(source, folder);
  return { executable: join(folder, EXECUTABLE), folder, vulkanDriver: join(folder, "vk_swiftshader_icd.json") };
}

function packageFolder(): string | undefined {
  try {
    return join(dirname(fileURLToPath(import.meta.resolve(PACKAGE))), "..");
  } catch {
    return undefined;
  }
}

/** Into a folder of its own first: whoever finds the target finds it whole. */
async function unpack(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const temporary = await mkdtemp(`${target}-`);
  try {
    const executable = join(temporary, EXECUTABLE);
    await pipeline(packed(source, "chromium.br"), createBrotliDecompress(), createWriteStream(executable));
    await chmod(executable, 0o755);
    await pipeline(packed(source, "swiftshader.tar.br"), createBrotliDecompress(), tar.extract(temporary));
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // Another process was faster.
    if (!(await exists(join(target, EXECUTABLE)))) throw error;
  }
}

const packed = (source: string, name: string): NodeJS.ReadableStream => createReadStream(join(source, "bin", name));

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
