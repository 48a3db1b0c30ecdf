import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../base/index.ts";
import { createPlatform } from "../../platform/index.ts";
import type { ExecutionContext, ExecutionReport } from "../executor.ts";
import type { ScratchAttempt } from "../executor-acceptance.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { CommandExecutor } from "./command-executor.ts";

const platform = createPlatform({ diskPath: tmpdir(), env: process.env });
const executor = new CommandExecutor({ platform, killGraceMs: 300 });
/** Gives what complies the time that a busy machine needs. */
const patient = new CommandExecutor({ platform });

let attempt: ScratchAttempt;
beforeEach(async () => {
  await begin();
});
afterEach(() => attempt.remove());

/** Takes the place of the attempt that each test begins with. */
async function begin(changes: Partial<ExecutionContext> = {}): Promise<void> {
  await attempt?.remove();
  attempt = await scratchAttempt(changes);
}

const until = <T>(look: () => T | Promise<T>): Promise<T> => vi.waitFor(look, { timeout: 20_000, interval: 10 });

type Config = { command: string | string[]; env?: Record<string, string>; cwd?: string; artifacts?: string[] };

function run(config: Config, runner = executor): Promise<ExecutionReport> {
  return runner.execute(scratchTask({ type: "command", config }), attempt.context);
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
/** A process that has ended may wait for its parent for a while: that is not alive. */
const alive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
};

/** The number that the command wrote to a file in its own folder, once it is there. */
async function pidIn(name: string): Promise<number> {
  return until(async () => {
    const pid = Number(await readFile(join(attempt.context.workDir, "files", name), "utf8"));
    expect(pid).toBeGreaterThan(1);
    return pid;
  });
}

test.runIf(process.platform === "linux")("an attempt that cannot be set up leaves no file open", async () => {
  // A folder is in the place of the progress file.
  await mkdir(join(attempt.context.workDir, "progress"), { recursive: true });
  await expect(run({ command: "true" })).rejects.toThrow("EISDIR");
  const open = await Promise.all(
    (await readdir("/proc/self/fd")).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")),
  );
  expect(open.filter((path) => path.startsWith(attempt.context.workDir))).toEqual([]);
});

describe("a command that ends by itself", () => {
  test("exit code 0 is a pass, with output, duration and evidence", async () => {
    const report = await run({ command: ["/bin/sh", "-c", "echo out; echo err >&2"] });
    expect(report).toMatchObject({ status: "completed", exitCode: 0, signal: null });
    expect(report.failure).toBeUndefined();
    expect(text(report.outputTail)).toBe("out\nerr\n");
    expect(report.metrics?.[0]).toMatchObject({ name: "duration_seconds", unit: "s" });
    expect(report.provenance).toMatchObject({ kind: "real", proven: true });
    expect(report.provenance?.evidence.map(({ check }) => check)).toEqual(["process_started", "process_ended"]);
    expect(attempt.artifacts.get("stdout.log")?.toString()).toBe("out\n");
    expect(attempt.artifacts.get("stderr.log")?.toString()).toBe("err\n");
    expect(attempt.shown).toEqual({ stdout: "out\n", stderr: "err\n" });
  });

  test("another exit code means that the test said no", async () => {
    const report = await run({ command: "echo broken pipe fitting >&2; exit 3" });
    expect(report).toMatchObject({ status: "failed", exitCode: 3 });
    expect(report.failure).toEqual({
      class: "assertion",
      reason: "exit_code",
      message: "ended with exit code 3: broken pipe fitting",
    });
  });

  test("a signal is a crash", async () => {
    const report = await run({ command: "kill -SEGV $$" });
    expect(report).toMatchObject({ status: "failed", exitCode: null, signal: "SIGSEGV" });
    expect(report.failure).toMatchObject({ class: "crash", reason: "segmentation_fault" });
  });

  test("SIGKILL without the kernel's word on memory is a crash too", async () => {
    expect((await run({ command: "kill -KILL $$" })).failure).toMatchObject({ class: "crash", reason: "killed" });
  });

  test("SIGKILL while the control group counts a kill is want of memory", async () => {
    // A real one would need a limited control group, which tests may not make: only the counter is made up.
    let kills = 4;
    const counted = countingOomKills(() => kills++);
    const report = await new CommandExecutor({ platform: counted }).execute(
      scratchTask({ type: "command", config: { command: "kill -KILL $$" } }),
      attempt.context,
    );
    expect(report.failure).toMatchObject({ class: "out_of_memory", reason: "oom_kill" });
  });

  test("what it leaves running is ended, also when it left the group", async () => {
    const report = await run({ command: "sleep 100 & echo $! > near; setsid sleep 100 & echo $! > far; exit 0" });
    expect(report.status).toBe("completed");
    expect(alive(await pidIn("near"))).toBe(false);
    expect(alive(await pidIn("far"))).toBe(false);
  });
});

describe("a command that cannot be started", () => {
  test("a missing program is a setup failure, as an array and as a shell line", async () => {
    const direct = await run({ command: ["no-such-program-anywhere"] });
    expect(direct).toMatchObject({ status: "failed", failure: { class: "setup", reason: "program_not_found" } });
    const shell = await run({ command: "no-such-program-anywhere" });
    expect(shell).toMatchObject({
      status: "failed",
      exitCode: 127,
      failure: { class: "setup", reason: "program_not_found" },
    });
  });

  test("a file that is no program", async () => {
    const path = join(attempt.context.workDir, "..", "plain.txt");
    await writeFile(path, "text");
    const report = await run({ command: [path] });
    expect(report.failure).toMatchObject({ class: "setup", reason: "program_not_executable" });
  });

  test("an argument that no system takes", async () => {
    expect((await run({ command: ["/bin/echo", "a\0b"] })).failure).toMatchObject({
      class: "setup",
      reason: "not_started",
    });
  });

  test("a working folder that is not there, or leads out of the attempt's", async () => {
    const absent = await run({ command: "true", cwd: "/no/such/folder" });
    expect(absent.failure).toMatchObject({ class: "setup", reason: "cwd" });
    const outside = await run({ command: "true", cwd: "../.." });
    expect(outside.failure).toMatchObject({ class: "setup", reason: "cwd" });
  });
});

describe("surroundings", () => {
  test("the worker's secrets do not reach the command", async () => {
    await begin({
      env: {
        PATH: process.env["PATH"],
        HOME: "/home/x",
        LC_ALL: "C",
        ASSAY_TOKEN: "secret",
        AWS_SECRET_ACCESS_KEY: "secret",
      },
      hardware: "cpu",
      attempt: 3,
    });
    const report = await run({ command: ["/usr/bin/env"], env: { EXTRA: "1", ASSAY_ATTEMPT: "forged" } });
    const seen = Object.fromEntries(
      text(report.outputTail)
        .trim()
        .split("\n")
        .map((line) => line.split("=", 2)),
    );
    expect(seen).toEqual({
      PATH: process.env["PATH"],
      HOME: "/home/x",
      LC_ALL: "C",
      EXTRA: "1",
      ASSAY_RUN_ID: "run-1",
      ASSAY_TASK_ID: "task-1",
      ASSAY_ATTEMPT: "3",
      ASSAY_HARDWARE: "cpu",
      ASSAY_WORK_DIR: join(attempt.context.workDir, "files"),
      ASSAY_PROGRESS_FILE: join(attempt.context.workDir, "progress"),
      ASSAY_CHECKPOINT_DIR: join(attempt.context.workDir, "checkpoint"),
    });
  });

  test("it runs in a folder of its own, in one below it, or in one that the task names", async () => {
    const files = join(attempt.context.workDir, "files");
    await run({ command: "pwd" });
    await run({ command: "pwd", cwd: "sub/folder" });
    await run({ command: "pwd", cwd: "/" });
    // The output file is the attempt's, so the runs of one attempt follow each other in it.
    expect(
      text((await run({ command: "pwd", cwd: tmpdir() })).outputTail)
        .trim()
        .split("\n"),
    ).toEqual([files, join(files, "sub/folder"), "/", tmpdir()]);
  });
});

describe("output", () => {
  test("50 MB go to the artifact whole, to the report as a tail, and not through memory", async () => {
    const before = process.memoryUsage().rss;
    let largest = before;
    await begin({
      saveArtifact: async (artifact) => {
        expect("path" in artifact).toBe(true);
        largest = Math.max(largest, process.memoryUsage().rss);
        const { size } = await stat("path" in artifact ? artifact.path : "");
        attempt.artifacts.set(artifact.name, Buffer.from(String(size)));
        return { name: artifact.name, sha256: "0".repeat(64), size_bytes: size, content_type: artifact.contentType };
      },
    });
    const report = await run({ command: "head -c 50000000 /dev/zero | tr '\\0' x; echo; echo the end" });
    expect(report.status).toBe("completed");
    expect(attempt.artifacts.get("stdout.log")?.toString()).toBe(String(50_000_000 + 1 + 8));
    expect(report.outputTail?.length).toBe(16 * 1024);
    expect(text(report.outputTail).endsWith("x\nthe end\n")).toBe(true);
    expect(attempt.shown.stdout.length).toBeLessThan(10_000_000);
    expect(attempt.shown.stdout).toContain("bytes left out here");
    expect(largest - before).toBeLessThan(30_000_000);
  });

  test("it is shown while the command runs", async () => {
    const running = run({ command: "echo first; while [ ! -e go ]; do sleep 0.05; done; echo second" });
    await until(() => expect(attempt.shown.stdout).toBe("first\n"));
    await writeFile(join(attempt.context.workDir, "files", "go"), "");
    expect((await running).status).toBe("completed");
    expect(attempt.shown.stdout).toBe("first\nsecond\n");
  });

  test("characters cut between two looks stay whole", async () => {
    const running = run({ command: "printf '\\303'; while [ ! -e go ]; do sleep 0.05; done; printf '\\244'" });
    await until(async () => {
      expect(await readFile(join(attempt.context.workDir, "output", "stdout.log"))).toHaveLength(1);
    });
    await writeFile(join(attempt.context.workDir, "files", "go"), "");
    await running;
    expect(attempt.shown.stdout).toBe("ä");
  });

  test("memory is measured when there is time to look", async () => {
    const script = "const a = Buffer.alloc(80e6, 1); setTimeout(() => console.log(a.length), 700)";
    const report = await run({ command: [process.execPath, "-e", script] });
    const peak = report.metrics?.find(({ name }) => name === "max_rss_mb");
    expect(peak?.value).toBeGreaterThan(80);
    expect(peak?.value).toBeLessThan(1_000);
  });
});

describe("artifacts", () => {
  test("files that match are kept by their path", async () => {
    const report = await run({
      command: "mkdir -p out/deep; echo '<a/>' > out/report.xml; echo 1 > out/deep/n.json; echo no > other.bin",
      artifacts: ["out/**/*.{xml,json}", "absent/*"],
    });
    expect(report.results).toBeUndefined();
    expect([...attempt.artifacts.keys()]).toEqual(["out/deep/n.json", "out/report.xml"]);
    expect(attempt.artifacts.get("out/report.xml")?.toString()).toBe("<a/>\n");
  });

  test("patterns that lead out of the folder are refused before anything runs", async () => {
    for (const pattern of ["../secret", "a/../../b", "/etc/passwd"]) {
      const report = await run({ command: "touch ran", artifacts: [pattern] });
      expect(report).toMatchObject({ status: "failed", failure: { class: "setup", reason: "artifact_path" } });
    }
    await expect(readFile(join(attempt.context.workDir, "files", "ran"))).rejects.toThrow("ENOENT");
  });

  test("while its checkpoint is fetched, it does not start", async () => {
    const resumed = `assay-checkpoint ${"0".repeat(64)} 1\n`;
    await begin({
      resumed,
      fetchBlob: async () => {
        attempt.abort("cancelled");
        throw new Error("it is gone");
      },
    });
    expect((await run({ command: "touch ran" })).status).toBe("cancelled");
    await expect(readFile(join(attempt.context.workDir, "files", "ran"))).rejects.toThrow("ENOENT");
  });

  test("links that lead out, and what cannot be stored, are named in the results", async () => {
    const outside = await mkdtemp(join(tmpdir(), "assay-outside-"));
    await writeFile(join(outside, "secret"), "secret");
    const files = join(attempt.context.workDir, "files");
    await mkdir(files, { recursive: true });
    await symlink(join(outside, "secret"), join(files, "link"));
    await symlink(outside, join(files, "folder"));
    const report = await run({ command: "echo kept > kept", artifacts: ["*", "folder/*"] });
    expect(report.status).toBe("completed");
    expect([...attempt.artifacts.keys()]).toEqual(["kept"]);
    const reason = "it is a link that leads out of the working folder";
    expect(report.results).toEqual({
      missing_artifacts: ["folder", "folder/secret", "link"].map((name) => ({ name, reason })),
    });
    await rm(outside, { recursive: true });
  });

  test("its output alone is a log, whatever the files are called that it wants kept", async () => {
    const logs = new Map<string, boolean | undefined>();
    await begin({
      saveArtifact: (artifact) => {
        logs.set(artifact.name, artifact.isLog);
        return Promise.reject(new Error("no room"));
      },
    });
    await run({ command: "echo hi | tee notes.txt | tee app.log", artifacts: ["*.txt", "*.log"] });
    expect(Object.fromEntries(logs)).toEqual({ "stdout.log": true, "notes.txt": false, "app.log": false });
  });

  test("a store that fails costs the artifact, not the verdict", async () => {
    await begin({ saveArtifact: () => Promise.reject(new Error("no room")) });
    expect(await run({ command: "echo hi" })).toMatchObject({
      status: "completed",
      results: { missing_artifacts: [{ name: "stdout.log", reason: "no room" }] },
    });
  });
});

describe("a command that is told to stop", () => {
  test("SIGTERM lets it end in order", async () => {
    const running = run(
      { command: "trap 'echo bye; exit 0' TERM; echo $$ > pid; while :; do sleep 0.05; done" },
      patient,
    );
    await pidIn("pid");
    attempt.abort("timeout");
    const report = await running;
    expect(report).toMatchObject({ status: "timed_out", exitCode: 0, failure: { class: "timeout" } });
    expect(attempt.artifacts.get("stdout.log")?.toString()).toBe("bye\n");
  });

  test("one that ignores SIGTERM is killed after the grace", async () => {
    const running = run({ command: "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done" });
    const pid = await pidIn("pid");
    attempt.abort("cancelled");
    const report = await running;
    expect(report).toMatchObject({ status: "cancelled", signal: "SIGKILL", failure: { class: "cancelled" } });
    expect(alive(pid)).toBe(false);
  });

  test("the whole tree ends: also a grandchild in a session of its own that ignores SIGTERM", async () => {
    const stubborn = "trap '' TERM; echo $$ > grandchild; while :; do sleep 0.05; done";
    const running = run({ command: `setsid /bin/sh -c "${stubborn.replaceAll("$", "\\$")}" & echo $$ > pid; wait` });
    const [pid, grandchild] = [await pidIn("pid"), await pidIn("grandchild")];
    attempt.abort("timeout");
    expect((await running).status).toBe("timed_out");
    expect([alive(pid), alive(grandchild)]).toEqual([false, false]);
  });

  test("a grandchild gets the grace too when its parent ends at once", async () => {
    const polite =
      "trap 'sleep 0.1; echo saved > saved; exit' TERM; echo $$ > grandchild; while :; do sleep 0.02; done";
    await writeScript("polite.sh", polite);
    const running = run({ command: "/bin/sh ../polite.sh & wait" }, patient);
    const grandchild = await pidIn("grandchild");
    attempt.abort("cancelled");
    expect((await running).status).toBe("cancelled");
    expect(alive(grandchild)).toBe(false);
    expect(await readFile(join(attempt.context.workDir, "files", "saved"), "utf8")).toBe("saved\n");
  });

  test("an attempt that is given back stores nothing", async () => {
    const running = run({ command: "echo $$ > pid; echo output; sleep 100" });
    await pidIn("pid");
    attempt.abort("shutdown");
    expect((await running).status).toBe("cancelled");
    expect(attempt.artifacts.size).toBe(0);
  });

  test("before it starts, it does not start", async () => {
    attempt.abort("cancelled");
    expect((await run({ command: "touch ran" })).status).toBe("cancelled");
    await expect(readFile(join(attempt.context.workDir, "files", "ran"))).rejects.toThrow("ENOENT");
  });
});

describe("what was given to the attempt", () => {
  test("GPUs, peers and the place of the progress file are in the environment, whatever the task says", async () => {
    const peers = [{ task_id: "task-1", worker_id: "w1", hostname: "box" }];
    await begin({ gpus: [1, 3], peers });
    const names = ["ASSAY_GPUS", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "ROCR_VISIBLE_DEVICES", "ASSAY_PEERS"];
    const command = `${names.map((name) => `echo "$${name}"`).join("; ")}; cat "$ASSAY_PROGRESS_FILE"`;
    const report = await run({ command, env: { CUDA_VISIBLE_DEVICES: "0,1,2,3" } });
    expect(text(report.outputTail).split("\n")).toEqual(["1,3", "1,3", "PCI_BUS_ID", "", JSON.stringify(peers), ""]);
  });

  test("GPUs of AMD are chosen by the variable of ROCm alone", async () => {
    // The GPUs are made up: a test cannot have them.
    const facts = { ...(await platform.facts()), gpus: [{ index: 1, vendor: "AMD", name: "MI300X" }] };
    const runner = new CommandExecutor({ platform });
    await runner.capabilities({ facts, clock: systemClock, cacheDir: "/", env: process.env });
    await begin({ gpus: [1] });
    const report = await run({ command: 'echo "$ROCR_VISIBLE_DEVICES:$CUDA_VISIBLE_DEVICES"' }, runner);
    expect(text(report.outputTail)).toBe("1:\n");
  });

  test("without any there is no such variable", async () => {
    const report = await run({ command: "env" });
    expect(text(report.outputTail)).not.toMatch(/^(ASSAY_GPUS|ASSAY_PEERS|CUDA_|ROCR_)/m);
  });
});

describe("the progress file", () => {
  const payloads = (): (string | undefined)[] => attempt.progress.map(({ payload }) => payload);

  test("holds what an earlier attempt left, and is reported while the command runs", async () => {
    await begin({ resumed: "step 3" });
    const running = run({
      command: 'cat "$ASSAY_PROGRESS_FILE"; echo; printf "step 4" > "$ASSAY_PROGRESS_FILE"; echo $$ > pid; sleep 100',
    });
    await until(() => expect(payloads()).toEqual(["step 4"]));
    attempt.abort("cancelled");
    await running;
    expect(attempt.shown.stdout).toBe("step 3\n");
    expect(payloads()).toEqual(["step 4"]);
  });

  test("a preempted command has time to write it", async () => {
    const command = `trap 'printf "saved at the end" > "$ASSAY_PROGRESS_FILE"; exit' TERM; echo $$ > pid; while :; do sleep 0.02; done`;
    const running = run({ command }, patient);
    await pidIn("pid");
    attempt.abort("preempted");
    expect((await running).status).toBe("cancelled");
    expect(payloads()).toEqual(["saved at the end"]);
  });

  test("is reported of a command that failed, not of one that passed", async () => {
    await run({ command: 'echo done > "$ASSAY_PROGRESS_FILE"' });
    expect(payloads()).toEqual([]);
    await begin();
    await run({ command: 'echo half > "$ASSAY_PROGRESS_FILE"; exit 1' });
    expect(payloads()).toEqual(["half\n"]);
  });

  test.each([
    ["too large", 'head -c 8193 /dev/zero | tr "\\0" x > "$ASSAY_PROGRESS_FILE"', "more than 8192 characters"],
    ["much too large", 'head -c 99999 /dev/zero > "$ASSAY_PROGRESS_FILE"', "more than 8192 characters"],
    ["no text", 'printf "\\377\\376" > "$ASSAY_PROGRESS_FILE"', "not valid"],
    ["a link", 'ln -sf /etc/passwd "$ASSAY_PROGRESS_FILE"', "ELOOP"],
    ["a pipe", 'rm "$ASSAY_PROGRESS_FILE"; mkfifo "$ASSAY_PROGRESS_FILE"', "not a plain file"],
    ["gone", 'rm "$ASSAY_PROGRESS_FILE"', "ENOENT"],
  ])("that is %s is ignored, and said so", async (_what, command, reason) => {
    await run({ command: `${command}; exit 1` });
    expect(payloads()).toEqual([]);
    expect(attempt.shown.stderr).toContain(reason);
  });

  test("of the largest size is reported whole", async () => {
    await run({ command: 'head -c 8192 /dev/zero | tr "\\0" x > "$ASSAY_PROGRESS_FILE"; exit 1' });
    expect(payloads()).toEqual(["x".repeat(8192)]);
  });
});

test("capabilities: a processor that ran a command, and the versions of what is installed", async () => {
  const facts = await platform.facts();
  const bare = await mkdtemp(join(tmpdir(), "assay-path-"));
  await writeFile(join(bare, "git"), "#!/bin/sh\necho git version 2.39.5\n", { mode: 0o755 });
  const capabilities = await executor.capabilities({ facts, clock: systemClock, cacheDir: bare, env: { PATH: bare } });
  await rm(bare, { recursive: true });
  expect(capabilities).toEqual({
    hardware: ["cpu"],
    runtimes: [],
    software: { node: process.versions.node, git: "2.39.5" },
    // A sandbox needs a program that is not on this PATH; control groups depend on the machine.
    isolation: capabilities.isolation?.includes("cgroup") ? ["process", "cgroup"] : ["process"],
  });
});

async function writeScript(name: string, script: string): Promise<void> {
  const path = join(attempt.context.workDir, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, script);
}

function countingOomKills(oomKills: () => number): typeof platform {
  const { processes } = platform;
  return {
    facts: () => platform.facts(),
    load: () => platform.load(),
    freeDiskBytes: () => platform.freeDiskBytes(),
    processes: {
      descendants: (pid) => processes.descendants(pid),
      markedBy: (variable, accepts) => processes.markedBy(variable, accepts),
      processGroup: (pid) => processes.processGroup(pid),
      peakMemoryBytes: (pid) => processes.peakMemoryBytes(pid),
      ownMemoryBytes: (pid) => processes.ownMemoryBytes(pid),
      cpuTimeMs: (pid) => processes.cpuTimeMs(pid),
      taskCount: () => processes.taskCount(),
      oomKills,
    },
  };
}
