import type { BigIntStats } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";

/** Path to what identifies its content without reading it, and the content's digest. */
const stored = z.strictObject({
  files: z.record(z.string(), z.tuple([z.string(), z.string().regex(/^[0-9a-f]{64}$/)])),
});

/**
 * A file that changed so short a time before it was looked at may change again without its time showing it; systems that keep whole seconds
 * have whole seconds for it.
 */
const RACY_MS = 100;
const RACY_COARSE_MS = 2_000;
const NANOSECONDS = 1_000_000n;

/** Digests of files that were read before, by path, size, times and place on the disk, so that what did not change is not read again. */
export class DigestCache {
  private readonly file: string | undefined;
  private readonly before: Map<string, readonly [string, string]>;
  private readonly now = new Map<string, readonly [string, string]>();
  private isChanged = false;

  private constructor(file: string | undefined, before: Map<string, readonly [string, string]>) {
    this.file = file;
    this.before = before;
  }

  /** A file that is not there or is damaged is as good as empty; without a name nothing is kept. */
  static async open(file: string | undefined): Promise<DigestCache> {
    if (file === undefined) return new DigestCache(file, new Map());
    try {
      return new DigestCache(
        file,
        new Map(Object.entries(stored.parse(JSON.parse(await readFile(file, "utf8"))).files)),
      );
    } catch {
      return new DigestCache(file, new Map());
    }
  }

  find(path: string, stats: BigIntStats): string | undefined {
    const known = this.before.get(path);
    if (known === undefined || known[0] !== identity(stats)) return undefined;
    this.now.set(path, known);
    return known[1];
  }

  /** `stats` are from before the content was read. */
  keep(path: string, { stats, lookedAtMs, sha256 }: { stats: BigIntStats; lookedAtMs: number; sha256: string }): void {
    this.isChanged = true;
    if (!isRacy(stats, lookedAtMs)) this.now.set(path, [identity(stats), sha256]);
  }

  /** Forgets what was not asked for since it was opened. Where it cannot be written, files are read again next time. */
  async save(): Promise<void> {
    if (this.file === undefined || (!this.isChanged && this.now.size === this.before.size)) return;
    const temporary = `${this.file}.${process.pid}`;
    try {
      await mkdir(dirname(this.file), { recursive: true });
      // It may lie in the project, and is nothing for its repository.
      await writeFile(join(dirname(this.file), ".gitignore"), "*\n");
      await writeFile(temporary, JSON.stringify({ files: Object.fromEntries(this.now) }), { mode: 0o600 });
      await rename(temporary, this.file);
    } catch {
      return;
    }
  }
}

function identity({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string {
  return `${size} ${mtimeNs} ${ctimeNs} ${ino}`;
}

function isRacy({ mtimeNs, ctimeNs }: BigIntStats, lookedAtMs: number): boolean {
  const changedNs = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  const isCoarse = changedNs % (1_000n * NANOSECONDS) === 0n;
  return lookedAtMs - Number(changedNs / NANOSECONDS) < (isCoarse ? RACY_COARSE_MS : RACY_MS);
}
