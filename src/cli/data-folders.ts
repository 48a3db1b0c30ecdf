import { access, mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { CliContext } from "./context.ts";

/** The data folder of a command: `--data-dir`, ASSAY_DATA_DIR, or `.assay` here. */
export function dataDirOf(options: { dataDir?: string | undefined }, context: CliContext): string {
  return resolve(context.cwd, options.dataDir ?? (context.env["ASSAY_DATA_DIR"] || ".assay"));
}

/** Makes a folder that only its owner can enter, if it is not there. Error: data_dir_read_only. */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw assayError("data_dir_read_only", `the folder ${path} cannot be made: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** Says so when a data folder does not hold what a command needs. Error: not_found. */
export async function requireData(path: string, what: string): Promise<void> {
  await access(path).catch((error: unknown) => {
    throw assayError("not_found", `there is no ${what} at ${path}`, {
      next: "Check --data-dir, or pass --coordinator.",
      cause: error,
    });
  });
}
