import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { assayError } from "../contracts/index.ts";
import type { BatchedBlob } from "../contracts/index.ts";
import type { BlobSink, BlobSource } from "./blob-ports.ts";
import { digestOf } from "./folder-tree.ts";

/** For tests: a folder that is gone with the test. */
export class Scratch implements AsyncDisposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "assay-workspace-")));

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Writes files by their paths below a folder of this name. */
  project(name: string, files: Readonly<Record<string, string>>): string {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(this.path(name, path)), { recursive: true });
      writeFileSync(this.path(name, path), text);
    }
    return this.path(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export function gitIn(folder: string, ...args: string[]): string {
  const who = ["-c", "user.name=n", "-c", "user.email=n@example.invalid", "-c", "init.defaultBranch=main"];
  return execFileSync("git", [...who, ...args], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

/** The other side of shipping, in memory: it writes down in which order what came. */
export class MemoryBlobs implements BlobSink, BlobSource {
  readonly blobs = new Map<string, Uint8Array>();
  /** How many were asked for by workers. */
  fetched = 0;

  async missingBlobs(sha256s: readonly string[]): Promise<string[]> {
    return sha256s.filter((sha256) => !this.blobs.has(sha256));
  }

  async putBlobs(blobs: Iterable<BatchedBlob> | AsyncIterable<BatchedBlob>): Promise<void> {
    for await (const { sha256, bytes } of blobs) this.keep(sha256, bytes);
  }

  async putBlob(sha256: string, bytes: Uint8Array | Blob): Promise<void> {
    this.keep(sha256, bytes instanceof Blob ? await buffer(bytes.stream()) : bytes);
  }

  async fetchBlobs(
    sha256s: Iterable<string>,
    take: (sha256: string, bytes: Uint8Array) => Promise<void>,
  ): Promise<void> {
    for (const sha256 of sha256s) await take(sha256, this.get(sha256));
  }

  async fetchBlob(sha256: string, path: string): Promise<void> {
    await writeFile(path, this.get(sha256), { flag: "wx" });
  }

  /** Adds what is no snapshot's. */
  add(content: string): string {
    const sha256 = digestOf(content);
    this.blobs.set(sha256, new TextEncoder().encode(content));
    return sha256;
  }

  private keep(sha256: string, bytes: Uint8Array): void {
    if (digestOf(bytes) !== sha256) throw assayError("blob_mismatch", `other bytes came for ${sha256}`);
    this.blobs.set(sha256, bytes);
  }

  private get(sha256: string): Uint8Array {
    this.fetched += 1;
    const bytes = this.blobs.get(sha256);
    if (bytes === undefined) throw assayError("not_found", `there is no blob ${sha256}`);
    return bytes;
  }
}

export function textOf(folder: string, path: string): Promise<string> {
  return readFile(join(folder, path), "utf8");
}
