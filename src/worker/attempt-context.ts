import type { Clock, RunId, TaskId } from "../base/index.ts";
import { asRunId, asTaskId } from "../base/index.ts";
import { assayError, MAX_PAYLOAD_CHARACTERS } from "../contracts/index.ts";
import type { Artifact, AssignItem, GroupPeer, Hardware } from "../contracts/index.ts";
import type { ArtifactKind, ArtifactSource, ExecutionContext, ProgressReport, StoredBlob } from "../executors/index.ts";
import type { ArtifactSink, ArtifactStore, BlobTaker } from "./artifact-store.ts";
import type { LiveFeed } from "./live-feed.ts";

/** Where attempts work. */
export interface AttemptFolders {
  /** Makes a folder for the attempt of this lease alone. */
  make(leaseSeq: number): string;
  remove(folder: string): Promise<void>;
}

/** What people who watch are shown of attempts. */
export type LiveView = Pick<LiveFeed, "log" | "progress" | "end">;

/** A result holds at most so many. */
const MAX_ARTIFACTS = 1_000;

export interface AttemptContextOptions {
  item: AssignItem;
  folders: AttemptFolders;
  cacheDir: string;
  signal: AbortSignal;
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
  /** Where results' artifacts go; they may wait here for a coordinator that is away. */
  artifacts: ArtifactSink;
  /** Where the next attempt finds what this one leaves, whichever worker it is on. */
  blobs: ArtifactStore;
  live: LiveView;
}

/** What an executor may use during one attempt. */
export class AttemptContext implements ExecutionContext {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly attempt: number;
  readonly hardware: Hardware | null;
  readonly gpus: readonly number[];
  readonly peers: readonly GroupPeer[];
  readonly resumed: string | null;
  readonly cacheDir: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The last payload that was reported. */
  payload: string | null = null;
  /** What was stored so far. */
  readonly stored: Artifact[] = [];
  /** The attempt's own, once it wanted one. */
  folder: string | undefined;
  private readonly options: AttemptContextOptions;
  private ended = false;
  private readonly names = new Set<string>();

  constructor(options: AttemptContextOptions) {
    const { item, cacheDir, signal, clock, env } = options;
    this.options = options;
    this.runId = asRunId(item.run_id);
    this.taskId = asTaskId(item.spec.task_id);
    this.attempt = item.attempt;
    this.hardware = item.hardware ?? null;
    this.gpus = item.gpus ?? [];
    this.peers = item.peers ?? [];
    this.resumed = item.payload ?? null;
    this.cacheDir = cacheDir;
    this.signal = signal;
    this.clock = clock;
    this.env = env;
  }

  /** Most kinds of task need no folder, and a folder costs more than many a task. */
  get workDir(): string {
    this.folder ??= this.options.folders.make(this.options.item.lease_seq);
    return this.folder;
  }

  log(stream: "stdout" | "stderr", text: string): void {
    if (!this.ended) this.options.live.log(this.options.item.lease_seq, stream, text);
  }

  progress({ payload, ...report }: ProgressReport): void {
    if (this.ended) return;
    const { live, item } = this.options;
    // Half of a payload is worse than an older whole one.
    if (payload === undefined || payload.length > MAX_PAYLOAD_CHARACTERS) return live.progress(item.lease_seq, report);
    this.payload = payload.toWellFormed();
    live.progress(item.lease_seq, { ...report, payload: this.payload });
  }

  /** From now on nothing is shown: executors may go on talking after their report. */
  end(): void {
    this.ended = true;
    this.options.live.end(this.options.item.lease_seq);
  }

  saveBlob(source: ArtifactSource): Promise<StoredBlob> {
    return this.options.blobs.put(source);
  }

  fetchBlob(sha256: string, path: string): Promise<void> {
    return this.options.blobs.get(sha256, path);
  }

  fetchBlobs(sha256s: Iterable<string>, take: BlobTaker): Promise<void> {
    return this.options.blobs.getMany(sha256s, take);
  }

  async saveArtifact(artifact: ArtifactKind & ArtifactSource): Promise<Artifact> {
    const { name, contentType } = artifact;
    if (this.names.has(name)) throw assayError("conflict", `the attempt already has an artifact named "${name}"`);
    if (this.names.size >= MAX_ARTIFACTS)
      throw assayError("conflict", `an attempt has at most ${MAX_ARTIFACTS} artifacts`);
    // Before the wait: two at the same time are two as well.
    this.names.add(name);
    try {
      const { sha256, sizeBytes } = await this.options.artifacts.put(artifact);
      const stored = { name, sha256, size_bytes: sizeBytes, content_type: contentType };
      this.stored.push(stored);
      return stored;
    } catch (error) {
      this.names.delete(name);
      throw error;
    }
  }
}
