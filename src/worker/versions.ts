import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { z } from "zod";
import { errorMessage } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import { readJson, syncFolder, writeDurably } from "./durable-file.ts";

const PACKAGE = "assay";

/** An installed version of Assay: what `node` is started with. */
export const release = z.strictObject({ version: z.string(), entry: z.string() });
export type Release = z.infer<typeof release>;

export interface InstallOptions {
  /** Holds a folder per version. */
  folder: string;
  version: string;
  /** A folder with versions as `<version>/` or `*-<version>.tgz`; null for the registry that npm is set up for. */
  source: string | null;
}

const manifestFile = z.looseObject({
  version: z.string(),
  bin: z.union([z.string(), z.record(z.string(), z.string())]),
});
const dependenciesFile = z.looseObject({ dependencies: z.record(z.string(), z.string()) });

/** Installs a version beside the others, or finds it there. Rejects with an AssayError, `not_found`, when it cannot be had. */
export async function installVersion({ folder, version, source }: InstallOptions): Promise<Release> {
  const place = join(folder, version);
  const known = release.safeParse(await readJson(join(place, "release.json")));
  if (known.success) return { version, entry: join(place, known.data.entry) };
  const temporary = `${place}.new`;
  await rm(temporary, { recursive: true, force: true });
  await rm(place, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    const root = await fill(temporary, version, source);
    const entry = relative(temporary, await entryOf(root, version));
    // Last, so that a folder with this file is whole.
    await writeDurably(join(temporary, "release.json"), JSON.stringify({ version, entry }));
    await rename(temporary, place);
    await syncFolder(folder);
    return { version, entry: join(place, entry) };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    const from = source === null ? "the registry" : source;
    throw assayError("not_found", `version ${version} cannot be had from ${from}: ${errorMessage(error)}`, {
      next: "Check the version, and --update-from of the worker.",
      cause: error,
    });
  }
}

/** Removes all versions but those given. */
export async function removeOtherVersions(folder: string, kept: readonly string[]): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory() && !kept.includes(entry.name))
      await rm(join(folder, entry.name), { recursive: true, force: true });
}

/** Puts the version into a folder and gives that of its package. */
async function fill(folder: string, version: string, source: string | null): Promise<string> {
  if (source === null) return npmInstall(folder, `${PACKAGE}@${version}`);
  const entries = await readdir(source, { withFileTypes: true });
  if (entries.some((entry) => entry.isDirectory() && entry.name === version)) {
    await cp(join(source, version), folder, { recursive: true, verbatimSymlinks: true });
    return folder;
  }
  const tarball = entries.find((entry) => entry.isFile() && entry.name.endsWith(`-${version}.tgz`));
  if (!tarball) throw new Error(`it holds neither ${version}/ nor a file *-${version}.tgz`);
  return npmInstall(folder, join(source, tarball.name));
}

async function npmInstall(folder: string, what: string): Promise<string> {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const child = spawn(npm, ["install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", what], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    shell: process.platform === "win32",
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2_000)));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`npm ended with ${code}: ${said.trim()}`);
  const { dependencies } = dependenciesFile.parse(await readJson(join(folder, "package.json")));
  const [name] = Object.keys(dependencies);
  if (name === undefined) throw new Error(`npm installed nothing of ${what}`);
  return join(folder, "node_modules", name);
}

/** The script of a package: its program `assay`, or its only one. */
async function entryOf(root: string, version: string): Promise<string> {
  const manifest = manifestFile.parse(JSON.parse(await readFile(join(root, "package.json"), "utf8")));
  if (manifest.version !== version) throw new Error(`what is there is version ${manifest.version}`);
  const { bin } = manifest;
  const script = typeof bin === "string" ? bin : (bin[PACKAGE] ?? Object.values(bin)[0]);
  if (script === undefined) throw new Error("its package names no program");
  return join(root, script);
}
