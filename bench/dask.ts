import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { installDebianPackage, succeeds } from "./debian-package.ts";

/** Debian's packages belong to Debian's Python, whatever else is first on the path. */
const PYTHON = "/usr/bin/python3";
const PACKAGE = "python3-distributed";
/**
 * Dask's best of those tried on two cores (1×1, 1×4, 1×8, 2×1, 2×2, 2×4, 2×8, 2×16, 4×4, 3×2): no-op tasks cost its scheduler
 * more than its workers, but many threads let the scheduler hand over tasks in fewer messages.
 */
const PROCESSES = 2;
const THREADS = 8;

const throughputAnswer = z.object({ tasks: z.int(), tasks_per_second: z.number() });
const latencyAnswer = z.object({ samples_ms: z.array(z.number()).min(1) });
const readyAnswer = z.object({ ready: z.literal(true) });

export interface DaskPeer {
  /** No-op tasks a second, all handed over at once. */
  tasksPerSecond(tasks: number, limitSeconds: number): Promise<number>;
  /** Milliseconds from `submit` to the result of one no-op task, with nothing else to do. */
  roundTripsMs(samples: number, limitSeconds: number): Promise<number[]>;
  stop(): Promise<void>;
}

/** A Dask cluster in processes of its own; null, with a line that says why, when there is none to be had. */
export async function startDask(): Promise<DaskPeer | null> {
  if (!hasDask() && !(installDebianPackage(PACKAGE) && hasDask())) {
    console.log(`skipped Dask: ${PYTHON} has no distributed (apt-get install ${PACKAGE})`);
    return null;
  }
  const folder = await mkdtemp(join(tmpdir(), "assay-dask-"));
  const script = fileURLToPath(new URL("./dask_peer.py", import.meta.url));
  const child = spawn(PYTHON, [script, String(PROCESSES), String(THREADS)], {
    // Its log would be all that people see.
    env: { ...process.env, DASK_LOGGING__DISTRIBUTED: "critical", DASK_TEMPORARY_DIRECTORY: folder },
  });
  child.stderr.resume();
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ask = async <Schema extends z.ZodType>(schema: Schema, question?: string): Promise<z.infer<Schema>> => {
    if (question !== undefined) child.stdin.write(`${question}\n`);
    const line = await answers.next();
    if (line.done) throw new Error("the Dask peer ended early");
    return schema.parse(JSON.parse(line.value));
  };
  await ask(readyAnswer);
  return {
    tasksPerSecond: async (tasks, seconds) =>
      (await ask(throughputAnswer, `throughput ${tasks} ${seconds}`)).tasks_per_second,
    roundTripsMs: async (samples, seconds) => (await ask(latencyAnswer, `latency ${samples} ${seconds}`)).samples_ms,
    stop: () => stop(child, folder),
  };
}

function hasDask(): boolean {
  return succeeds(PYTHON, ["-c", "import distributed"]);
}

async function stop(child: ChildProcessWithoutNullStreams, folder: string): Promise<void> {
  const ended = child.exitCode === null ? once(child, "exit") : null;
  child.stdin.end();
  await ended;
  await rm(folder, { recursive: true, force: true });
}
