import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createPlatform } from "../../platform/index.ts";
import type { ExecutionContext, ExecutionReport } from "../executor.ts";
import type { ScratchAttempt } from "../executor-acceptance.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { CommandExecutor } from "./command-executor.ts";

const platform = createPlatform({ diskPath: tmpdir(), env: process.env });
const executor = new CommandExecutor({ platform });
let attempt: ScratchAttempt;
/** What attempts of this test stored. */
let blobs: Map<string, Buffer>;

beforeEach(async () => {
  blobs = new Map();
  attempt = await scratchAttempt();
});
afterEach(() => attempt.remove());

const windows = process.platform === "win32";
if (windows) console.log("skipped: the commands are written for a POSIX shell");

function run(command: string): Promise<ExecutionReport> {
  return executor.execute(scratchTask({ type: "command", config: { command } }), attempt.context);
}

/** The next attempt, on a worker that has nothing of the one before but what was reported and stored. */
async function next(changes: Partial<ExecutionContext> = {}): Promise<void> {
  for (const [sha256, bytes] of attempt.blobs) blobs.set(sha256, bytes);
  const payload = payloads().at(-1) ?? attempt.context.resumed;
  await attempt.remove();
  attempt = await scratchAttempt({ resumed: payload, attempt: attempt.context.attempt + 1, ...changes });
  for (const [sha256, bytes] of blobs) attempt.blobs.set(sha256, bytes);
}

const payloads = (): string[] => attempt.progress.flatMap(({ payload }) => (payload === undefined ? [] : [payload]));
const until = (look: () => void): Promise<void> => vi.waitFor(look, { timeout: 20_000, interval: 10 });

describe.skipIf(windows)("the checkpoint folder", () => {
  test("what a failed attempt left is there for the next one, with the text of the progress file", async () => {
    const first = await run(
      'cd "$ASSAY_CHECKPOINT_DIR"; mkdir -p deep; echo 7 > deep/step; printf "\\000\\377" > weights; echo half > x.tmp; printf note > "$ASSAY_PROGRESS_FILE"; exit 1',
    );
    const [sha256] = [...attempt.blobs.keys()];
    expect(first.results).toEqual({ checkpoint: { restored: null, stored: sha256, problem: null } });
    await next();
    const second = await run('cd "$ASSAY_CHECKPOINT_DIR"; cat deep/step; ls -A; cat "$ASSAY_PROGRESS_FILE"');
    expect(attempt.shown.stdout).toBe("7\ndeep\nweights\nnote");
    expect(second.results).toEqual({ checkpoint: { restored: sha256, stored: null, problem: null } });
  });

  test("is stored while the command runs, and nothing is told before it is safe", async () => {
    const order: string[] = [];
    await next({
      saveBlob: async (source) => {
        const bytes = "path" in source ? await readFile(source.path) : Buffer.from(source.bytes);
        order.push("stored");
        return { sha256: createHash("sha256").update(bytes).digest("hex"), sizeBytes: bytes.length };
      },
      progress: ({ payload }) => void order.push(payload?.startsWith("assay-checkpoint ") ? "told" : "other"),
    });
    const running = run('echo 1 > "$ASSAY_CHECKPOINT_DIR/step"; sleep 100');
    await until(() => expect(order).toEqual(["stored", "told"]));
    attempt.abort("preempted");
    expect((await running).status).toBe("cancelled");
    // It has not changed since.
    expect(order).toEqual(["stored", "told"]);
  });

  test("with a marker, counts only as far as the marker says", async () => {
    const command = `cd "$ASSAY_CHECKPOINT_DIR"; echo a1 > a; echo b1 > b; touch .ready; sleep 0.1
      while [ ! -e "$ASSAY_WORK_DIR/stored" ]; do sleep 0.05; done; echo a2 > a; kill -KILL $$`;
    const running = run(command);
    await until(() => expect(payloads()).toHaveLength(1));
    await writeFile(join(attempt.context.workDir, "files", "stored"), "");
    const report = await running;
    expect(report.failure?.reason).toBe("killed");
    expect(report.results).toMatchObject({ checkpoint: { problem: expect.stringContaining(".ready") } });
    expect(payloads()).toHaveLength(1);
    await next();
    await run('cd "$ASSAY_CHECKPOINT_DIR"; cat a b');
    expect(attempt.shown.stdout).toBe("a1\nb1\n");
  });

  test("a checkpoint that cannot be had or is no archive costs what it held, not the attempt", async () => {
    await run('echo 1 > "$ASSAY_CHECKPOINT_DIR/step"; exit 1');
    const [sha256 = ""] = [...attempt.blobs.keys()];
    attempt.blobs.set(sha256, Buffer.from("no archive"));
    await next();
    const damaged = await run('ls -A "$ASSAY_CHECKPOINT_DIR" | wc -l');
    expect(damaged.status).toBe("completed");
    expect(damaged.results).toMatchObject({
      checkpoint: { restored: null, problem: expect.stringContaining("from the beginning") },
    });
    expect(attempt.shown.stdout.trim()).toBe("0");
    await next({ fetchBlob: () => Promise.reject(new Error("it is gone")) });
    expect((await run("true")).status).toBe("completed");
    expect(attempt.shown.stderr).toContain("it is gone");
  });

  test("what is too large is not stored, and said so", async () => {
    const report = await run('truncate -s 1000000001 "$ASSAY_CHECKPOINT_DIR/huge"; exit 4');
    expect(report.failure).toMatchObject({ class: "assertion", reason: "exit_code" });
    expect(report.results).toMatchObject({
      checkpoint: { stored: null, problem: expect.stringContaining("1000000001 bytes, more than the limit") },
    });
    expect(attempt.blobs.size).toBe(0);
  });

  test("a link in its place does not carry the worker's files out", async () => {
    await run('rmdir "$ASSAY_CHECKPOINT_DIR"; ln -s /etc "$ASSAY_CHECKPOINT_DIR"; exit 1');
    expect(attempt.blobs.size).toBe(0);
    expect(attempt.shown.stderr).toContain("it is not a folder");
  });

  test("a text that looks like a reference stays a text", async () => {
    const text = `assay-checkpoint ${"0".repeat(64)} 5\\nmine`;
    await run(`printf "${text}" > "$ASSAY_PROGRESS_FILE"; exit 1`);
    await next({ fetchBlob: () => Promise.reject(new Error("nobody asked for this")) });
    await run('cat "$ASSAY_PROGRESS_FILE"');
    expect(attempt.shown.stdout).toBe(text.replace("\\n", "\n"));
    expect(attempt.shown.stderr).toBe("");
  });

  test("of a command that passed nothing is kept", async () => {
    const report = await run('echo 1 > "$ASSAY_CHECKPOINT_DIR/step"');
    expect(report.results).toBeUndefined();
    expect(payloads()).toEqual([]);
    expect(await readdir(attempt.context.workDir)).not.toContain("checkpoint.tar");
  });
});
