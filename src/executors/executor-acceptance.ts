import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asRunId, asTaskId, systemClock } from "../base/index.ts";
import { assayError, taskSpec } from "../contracts/index.ts";
import type { TaskSpec, TaskSpecInput } from "../contracts/index.ts";
import type { AbortReason, ExecutionContext, ProgressReport } from "./executor.ts";

/** For tests of executors: an attempt with real temporary folders, which writes down what the executor does with it. */
export interface ScratchAttempt {
  context: ExecutionContext;
  /** Live output by stream. */
  shown: { stdout: string; stderr: string };
  progress: ProgressReport[];
  /** Stored artifacts by name. */
  artifacts: Map<string, Buffer>;
  /** Blobs by digest. */
  blobs: Map<string, Buffer>;
  abort(reason: AbortReason): void;
  remove(): Promise<void>;
}

export async function scratchAttempt(changes: Partial<ExecutionContext> = {}): Promise<ScratchAttempt> {
  const folder = await mkdtemp(join(tmpdir(), "assay-attempt-"));
  const controller = new AbortController();
  const shown = { stdout: "", stderr: "" };
  const progress: ScratchAttempt["progress"] = [];
  const artifacts = new Map<string, Buffer>();
  const blobs = new Map<string, Buffer>();
  const context: ExecutionContext = {
    runId: asRunId("run-1"),
    taskId: asTaskId("task-1"),
    attempt: 1,
    hardware: null,
    gpus: [],
    peers: [],
    resumed: null,
    workDir: join(folder, "work"),
    cacheDir: join(folder, "cache"),
    signal: controller.signal,
    clock: systemClock,
    env: process.env,
    log: (stream, text) => {
      shown[stream] += text;
    },
    progress: (report) => void progress.push(report),
    saveArtifact: async (artifact) => {
      const bytes = "path" in artifact ? await readFile(artifact.path) : Buffer.from(artifact.bytes);
      artifacts.set(artifact.name, bytes);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      return { name: artifact.name, sha256, size_bytes: bytes.length, content_type: artifact.contentType };
    },
    saveBlob: async (source) => {
      const bytes = "path" in source ? await readFile(source.path) : Buffer.from(source.bytes);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      blobs.set(sha256, bytes);
      return { sha256, sizeBytes: bytes.length };
    },
    fetchBlob: async (sha256, path) => {
      const bytes = blobs.get(sha256);
      if (bytes === undefined) throw assayError("not_found", `there is no blob ${sha256}`);
      await writeFile(path, bytes);
    },
    fetchBlobs: async (sha256s, take) => {
      for (const sha256 of new Set(sha256s)) {
        const bytes = blobs.get(sha256);
        if (bytes === undefined) throw assayError("not_found", `There is no blob ${sha256}`);
        await take(sha256, bytes);
      }
    },
    ...changes,
  };
  const abort = (reason: AbortReason): void => controller.abort(reason);
  return {
    context,
    shown,
    progress,
    artifacts,
    blobs,
    abort,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

type WithoutId<Spec> = Spec extends TaskSpecInput ? Omit<Spec, "task_id"> : never;

/** A checked task with defaults filled in. */
export function scratchTask(task: WithoutId<TaskSpecInput>): TaskSpec {
  return taskSpec.parse({ task_id: "task-1", ...task });
}

/** Whether a process runs, or has at least not been waited for. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
