import type { Clock, JsonValue, RunId, TaskId } from "../base/index.ts";
import type {
  Artifact,
  Failure,
  GroupPeer,
  Hardware,
  Isolation,
  IsolationLevel,
  Metric,
  Provenance,
  RecoveryStep,
  ResultDocument,
  RuntimeCapability,
  TaskSpec,
  TaskType,
  TestResult,
} from "../contracts/index.ts";
import type { PlatformFacts } from "../platform/index.ts";

/** Why an attempt is told to stop before its end: the `reason` of the context's signal. */
export type AbortReason = "timeout" | "cancelled" | "shutdown" | "preempted";

/** How far an attempt is. */
export interface ProgressReport {
  /** 0 to 1. */
  fraction?: number;
  message?: string;
  /**
   * What a next attempt needs to go on from here, should this one not come to its end: text of at most 8,192 characters that only
   * the executor understands. A report without one leaves the latest as it is.
   */
  payload?: string;
}

/** What an artifact is made from: a file that stays in place until the attempt ends, or bytes. */
export type ArtifactSource = { path: string } | { bytes: Uint8Array };

/** What is said of an artifact that is to be stored. */
export interface ArtifactKind {
  name: string;
  contentType: string;
  /** It holds what the attempt said, and is the first to go where room is short. */
  isLog?: boolean;
}

/** Stored bytes. */
export interface StoredBlob {
  sha256: string;
  sizeBytes: number;
}

/** What one attempt may use. */
export interface ExecutionContext {
  readonly runId: RunId;
  readonly taskId: TaskId;
  /** 1 for the first try. */
  readonly attempt: number;
  /** The platform that the coordinator chose; null when the task has no preference. */
  readonly hardware: Hardware | null;
  /** Indexes of the GPUs that were set aside for the attempt; empty for none. */
  readonly gpus: readonly number[];
  /** The members of its group and where they run, itself included; empty without a group. */
  readonly peers: readonly GroupPeer[];
  /** The payload that an earlier attempt left for this one. */
  readonly resumed: string | null;
  /** A folder of this attempt alone, made when first asked for and removed after the attempt. */
  readonly workDir: string;
  /** A folder that outlives attempts, for what is costly to get again. Shared: write a temporary name, then rename. */
  readonly cacheDir: string;
  /** Fires when the attempt must stop; its `reason` is an `AbortReason`. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** The worker's environment. Executors pick from it what their children may see. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Shows output while the attempt runs. Never waits; what comes too fast is dropped from the live view. */
  log(stream: "stdout" | "stderr", text: string): void;
  /** Only the latest report counts. */
  progress(report: ProgressReport): void;
  /** Stores an artifact and adds it to the result. Rejects with an AssayError when it cannot be stored. */
  saveArtifact(artifact: ArtifactKind & ArtifactSource): Promise<Artifact>;
  /** Stores bytes that are for the next attempt alone. Rejects with an AssayError when they cannot be stored. */
  saveBlob(source: ArtifactSource): Promise<StoredBlob>;
  /** Writes stored bytes to a file. Rejects, and leaves no file, when they cannot be had whole. */
  fetchBlob(sha256: string, path: string): Promise<void>;
  /**
   * Gives many stored blobs, each once and whole, to `take`: in any order, a few at a time. Made for small ones: each is held in memory.
   * Rejects with what `take` rejects with, or with an AssayError when one cannot be had; `not_found` names a blob that is missing.
   */
  fetchBlobs(sha256s: Iterable<string>, take: (sha256: string, bytes: Uint8Array) => Promise<void>): Promise<void>;
}

/** What became of an attempt. Times, ids and artifacts are the worker's to add. */
export interface ExecutionReport {
  /** `failed` needs a `failure`, whose class tells a test that said no (`assertion`) from one that could not be run. */
  status: ResultDocument["status"];
  results?: Record<string, JsonValue>;
  metrics?: Metric[];
  hardwareMetrics?: ResultDocument["hardware_metrics"];
  provenance?: Provenance;
  failure?: Failure;
  /** What was done about failures within the attempt, in order. */
  recovery?: RecoveryStep[];
  exitCode?: number | null;
  /** The name of the signal that ended the process, e.g. `SIGSEGV`. */
  signal?: string | null;
  /** The platform that was really used. */
  hardware?: Hardware;
  /** What became of each test of a suite. */
  tests?: TestResult[];
  /** How the attempt was kept apart, and what it was kept to. */
  isolation?: Isolation;
  /** It was ended before its own end: what is reported is what it had made until then. */
  partial?: true;
  /** The last part of the output, at most 16 KiB. */
  outputTail?: Uint8Array;
}

/** What an executor may use to find out what it can do here. */
export interface ProbeContext {
  facts: PlatformFacts;
  cacheDir: string;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
}

/** What an executor proved by doing it. */
export interface ExecutorCapabilities {
  /** Platforms on which something ran and gave the right answer. */
  hardware: Hardware[];
  runtimes: RuntimeCapability[];
  /** Name to version. */
  software: Record<string, string>;
  /** How it can keep attempts apart; absent: as a process at most. */
  isolation?: readonly IsolationLevel[];
}

/**
 * Runs tasks of some types. One instance serves all attempts of a worker, several at the same time.
 *
 * `execute` settles soon after its signal fires, and leaves no process behind that knows of it. It may throw: an AssayError becomes a `setup`
 * failure with the error's code as reason, anything else a `crash`.
 */
export interface Executor {
  readonly types: readonly TaskType[];
  /** Asked once when the worker starts. Rejects only for bugs: what does not work is reported as unavailable. */
  capabilities?(context: ProbeContext): Promise<ExecutorCapabilities>;
  execute(spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport>;
  /** No attempt follows: what was kept ready for one ends. */
  close?(): void | Promise<void>;
}
