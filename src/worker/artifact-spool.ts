import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { AssayError, errorMessage } from "../base/index.ts";
import type { Clock, Timer } from "../base/index.ts";
import type { ArtifactSource, StoredBlob } from "../executors/index.ts";
import { Digesting, readSource } from "./artifact-content.ts";
import type { ArtifactSink } from "./artifact-store.ts";
import { syncFolder } from "./durable-file.ts";
import type { WorkerLogger } from "./worker-logger.ts";

/** Most that waits on disk for a coordinator that is away. */
const SPOOL_BYTES = 256 * 1024 * 1024;
const RETRY_MS = 10_000;

export interface ArtifactSpoolOptions {
  store: ArtifactSink;
  folder: string;
  maxBytes?: number;
  clock: Clock;
  logger: WorkerLogger;
}

/** A file of the spool. Its name tells it all: the order, whether it is a log, the digest. */
interface Entry extends StoredBlob {
  path: string;
  isLog: boolean;
}

/**
 * Artifacts on their way to a coordinator that is away: they wait on disk and are delivered when it is back. Until then results
 * that name them wait too. What waits is bounded: the oldest logs make room for what comes, nothing else does.
 */
export class ArtifactSpool implements ArtifactSink {
  /** Called when an artifact arrived or was given up: results may have waited for it. */
  onChange: () => void = () => undefined;
  private readonly options: ArtifactSpoolOptions;
  private readonly entries = new Map<string, Entry>();
  private readonly lost = new Set<string>();
  /** Changes with each session; undefined while there is none. */
  private session: AbortController | undefined;
  private number = 0;
  private delivering = false;
  private timer: Timer | undefined;

  private constructor(options: ArtifactSpoolOptions) {
    this.options = options;
  }

  /** Takes over what an earlier process left. */
  static async open(options: ArtifactSpoolOptions): Promise<ArtifactSpool> {
    const spool = new ArtifactSpool(options);
    const { folder } = options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of (await readdir(folder)).toSorted()) {
      const path = join(folder, name);
      const [, number = "", kind = "", sha256 = ""] = /^(\d{12})-(log|file)-([0-9a-f]{64})$/.exec(name) ?? [];
      // Not written to its end.
      if (sha256 === "") await rm(path, { force: true });
      else {
        spool.entries.set(sha256, { path, sha256, isLog: kind === "log", sizeBytes: (await stat(path)).size });
        spool.number = Number(number);
      }
    }
    return spool;
  }

  /** What has become of an artifact that was put: `waiting` for the coordinator, `lost` when it had to make room. */
  stateOf(sha256: string): "waiting" | "lost" | "delivered" {
    if (this.entries.has(sha256)) return "waiting";
    return this.lost.has(sha256) ? "lost" : "delivered";
  }

  connected(): void {
    this.session = new AbortController();
    void this.deliver();
  }

  disconnected(): void {
    this.session?.abort();
    this.session = undefined;
  }

  stop(): void {
    this.disconnected();
    this.timer?.cancel();
  }

  /** Stores at the coordinator, or on disk when it is away. */
  async put(source: ArtifactSource & { isLog?: boolean }): Promise<StoredBlob> {
    const { session } = this;
    let trouble: unknown;
    if (session !== undefined && this.entries.size === 0) {
      const away = Promise.withResolvers<never>();
      const leave = (): void => away.reject(new Error("the coordinator is away"));
      session.signal.addEventListener("abort", leave, { once: true });
      try {
        return await Promise.race([this.options.store.put(source), away.promise]);
      } catch (error) {
        if (isRefusal(error)) throw error;
        trouble = error;
      } finally {
        session.signal.removeEventListener("abort", leave);
      }
    }
    return this.keep(source, trouble);
  }

  private async keep(source: ArtifactSource & { isLog?: boolean }, trouble: unknown): Promise<StoredBlob> {
    const { folder, logger } = this.options;
    const { isLog = false } = source;
    const temporary = join(folder, `${randomUUID()}.new`);
    try {
      const stored = await this.copy(source, temporary);
      const known = this.entries.get(stored.sha256);
      // A file that holds what a log does must outlast the log.
      if (known !== undefined && (isLog || !known.isLog)) {
        await rm(temporary, { force: true });
        return stored;
      }
      await this.makeRoom(stored.sizeBytes);
      const number = String((this.number += 1)).padStart(12, "0");
      const path = join(folder, `${number}-${isLog ? "log" : "file"}-${stored.sha256}`);
      await rename(temporary, path);
      await syncFolder(folder);
      this.lost.delete(stored.sha256);
      this.entries.set(stored.sha256, { ...stored, path, isLog });
      if (known !== undefined) await rm(known.path, { force: true });
      if (this.session !== undefined) void this.deliver();
      return stored;
    } catch (error) {
      await rm(temporary, { force: true });
      logger.warn({ err: errorMessage(error) }, "an artifact cannot wait on disk for the coordinator");
      throw trouble ?? error;
    }
  }

  /** Copies with its digest, and makes the copy last. */
  private async copy(source: ArtifactSource, path: string): Promise<StoredBlob> {
    const digesting = new Digesting();
    await pipeline(readSource(source), digesting, createWriteStream(path, { mode: 0o600 }));
    await using file = await open(path, "r+");
    await file.sync();
    return digesting.result();
  }

  /** Drops the oldest logs until there is room; rejects when there are none left to drop. */
  private async makeRoom(bytes: number): Promise<void> {
    const { maxBytes = SPOOL_BYTES } = this.options;
    const logs = [...this.entries.values()].filter(({ isLog }) => isLog);
    const used = (): number => [...this.entries.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const freed = logs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (used() - freed + bytes > maxBytes)
      throw new Error(`${used()} bytes wait for the coordinator, and at most ${maxBytes} may`);
    for (const log of logs) {
      if (used() + bytes <= maxBytes) return;
      await this.giveUp(log, "it made room for what came later");
    }
  }

  private async giveUp(entry: Entry, why: string): Promise<void> {
    this.options.logger.warn({ sha256: entry.sha256, bytes: entry.sizeBytes }, `an artifact is given up: ${why}`);
    this.lost.add(entry.sha256);
    // Results must stop naming it before it is gone.
    this.entries.delete(entry.sha256);
    this.onChange();
    await rm(entry.path, { force: true });
  }

  /** One after the other, oldest first, while there is a session. */
  private async deliver(): Promise<void> {
    if (this.delivering) return;
    this.delivering = true;
    try {
      for (let next = this.oldest(); next !== undefined && this.session !== undefined; next = this.oldest()) {
        if (await this.deliverOne(next)) continue;
        this.timer?.cancel();
        this.timer = this.options.clock.setTimer(RETRY_MS, () => void this.deliver());
        return;
      }
    } finally {
      this.delivering = false;
    }
  }

  private oldest(): Entry | undefined {
    return this.entries.values().next().value;
  }

  /** False when another try may do. */
  private async deliverOne(entry: Entry): Promise<boolean> {
    try {
      await this.options.store.put({ path: entry.path });
    } catch (error) {
      if (!isRefusal(error)) return false;
      await this.giveUp(entry, errorMessage(error));
      return true;
    }
    // Only then: a crash in between delivers once more, which changes nothing.
    if (this.entries.get(entry.sha256) === entry) this.entries.delete(entry.sha256);
    await rm(entry.path, { force: true });
    this.onChange();
    return true;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof AssayError && error.details["refused"] === true;
}
