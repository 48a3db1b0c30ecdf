import { createHash } from "node:crypto";
import { access, chmod, constants, mkdir, open, readdir, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { AssayError } from "../../base/index.ts";
import { assayError, errorCatalogue, relativePath } from "../../contracts/index.ts";
import type { ErrorCode } from "../../contracts/index.ts";
import { contentOf } from "./pending-files.ts";
import type { FileChange } from "./pending-files.ts";

const FOLDER = ".assay";
/** Where adoptions are written down, relative to the project. */
export const ADOPTION_FILE = `${FOLDER}/adoption.json`;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const adoption = z.strictObject({
  time: z.string(),
  files: z.array(
    z.strictObject({
      path: relativePath,
      /** Null: it was not there. */
      before: z.strictObject({ sha256, base64: z.base64() }).nullable(),
      after_sha256: sha256,
    }),
  ),
});
type AdoptionEntry = z.infer<typeof adoption>;
const record = z.strictObject({ version: z.literal(1), adoptions: z.array(adoption) });

/**
 * Writes changes of a project, each file in one step, after what undoes them is on the disk. When one cannot be written, none is. Errors:
 * file_read_only, adoption_edited when a file is not any more as it was read.
 */
export async function applyAdoption(root: string, changes: readonly FileChange[], time: string): Promise<void> {
  await refuseWhere(changes, "file_read_only", ({ path }) => isReadOnly(join(root, path)));
  await refuseWhere(
    changes,
    "adoption_edited",
    async ({ path, before }) => !isEqual(await contentOf(join(root, path)), before),
  );
  const earlier = await adoptionsOf(root);
  const files = changes.map(({ path, before, after }) => ({
    path,
    before: before === null ? null : { sha256: digestOf(before), base64: before.toString("base64") },
    after_sha256: digestOf(after),
  }));
  await writeAdoptions(root, [...earlier, { time, files }]);
  const written: FileChange[] = [];
  try {
    for (const change of changes) {
      await replaceFile(join(root, change.path), change.after);
      written.push(change);
    }
  } catch (error) {
    for (const { path, before } of written) await restore(join(root, path), before);
    await writeAdoptions(root, earlier);
    throw error;
  }
}

/**
 * Takes the last adoption back: each file has the bytes that it had. Gives their paths. Errors: not_found when there is none;
 * adoption_edited, with nothing done, when files were edited since; file_read_only.
 */
export async function undoAdoption(root: string): Promise<string[]> {
  const adoptions = await adoptionsOf(root);
  const last = adoptions.at(-1);
  if (last === undefined) {
    throw assayError("not_found", `nothing was adopted in ${root}: there is no ${ADOPTION_FILE}`, {
      next: "Check the folder.",
    });
  }
  await refuseWhere(last.files, "adoption_edited", async ({ path, after_sha256: after }) => {
    const now = await contentOf(join(root, path));
    return now === null || digestOf(now) !== after;
  });
  await refuseWhere(last.files, "file_read_only", ({ path }) => isReadOnly(join(root, path)));
  for (const { path, before } of last.files) {
    await restore(join(root, path), before === null ? null : Buffer.from(before.base64, "base64"));
  }
  await writeAdoptions(root, adoptions.slice(0, -1));
  return last.files.map(({ path }) => path);
}

/** Throws one error that names all files of which something is true. */
async function refuseWhere<File extends { path: string }>(
  files: readonly File[],
  code: Extract<ErrorCode, "file_read_only" | "adoption_edited">,
  isSo: (file: File) => Promise<boolean>,
): Promise<void> {
  const found: string[] = [];
  for (const file of files) if (await isSo(file)) found.push(file.path);
  const [first, ...others] = found;
  if (first === undefined) return;
  const what = code === "file_read_only" ? "cannot be written" : "was edited meanwhile";
  throw new AssayError(code, {
    message: `${first} ${what}, so no file was changed`,
    next: errorCatalogue[code].next,
    details: { file: first, others: others.map((path) => ({ message: `${path} ${what}`, file: path })) },
  });
}

async function adoptionsOf(root: string): Promise<AdoptionEntry[]> {
  const content = await contentOf(join(root, ADOPTION_FILE));
  if (content === null) return [];
  try {
    return record.parse(JSON.parse(content.toString())).adoptions;
  } catch (error) {
    throw assayError("invalid_field", `${ADOPTION_FILE} is damaged`, {
      next: "Take the files back with your version control, and delete it.",
      cause: error,
    });
  }
}

/** Also keeps the folder out of version control: coordinators have their data in it too. */
async function writeAdoptions(root: string, adoptions: readonly AdoptionEntry[]): Promise<void> {
  const folder = join(root, FOLDER);
  const ignore = join(folder, ".gitignore");
  if (adoptions.length > 0) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if ((await contentOf(ignore)) === null) await writeFile(ignore, "*\n");
    const document: z.infer<typeof record> = { version: 1, adoptions: [...adoptions] };
    return replaceFile(join(root, ADOPTION_FILE), Buffer.from(`${JSON.stringify(document)}\n`));
  }
  await rm(join(root, ADOPTION_FILE), { force: true });
  const left = await readdir(folder).catch(() => []);
  if (left.length !== 1 || left[0] !== ".gitignore") return;
  await rm(ignore);
  await rmdir(folder);
}

async function restore(path: string, content: Buffer | null): Promise<void> {
  if (content === null) await rm(path, { force: true });
  else await replaceFile(path, content);
}

/** A crash leaves the old content or the new one; who may do what with the file stays. */
async function replaceFile(path: string, content: Buffer): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path).slice(0, 200)}.assay-new`);
  const file = await open(temporary, "w", 0o644);
  try {
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    const before = await stat(path).catch(() => null);
    if (before !== null) await chmod(temporary, before.mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Root may write whatever it likes; that a file is not to be written stands in its mode. */
async function isReadOnly(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (found !== null && (found.mode & 0o222) === 0) return true;
  return access(found === null ? dirname(path) : path, constants.W_OK).then(
    () => false,
    () => true,
  );
}

function isEqual(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

function digestOf(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
