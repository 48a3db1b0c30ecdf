import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../base/index.ts";
import type { IsolationLevel, Limits } from "../../contracts/index.ts";
import { createPlatform } from "../../platform/index.ts";
import type { ControlGroup, Platform } from "../../platform/index.ts";
import type { ExecutionReport } from "../executor.ts";
import type { ScratchAttempt } from "../executor-acceptance.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { CommandExecutor } from "./command-executor.ts";
import { groupPrefix } from "../confinement.ts";

const platform = createPlatform({ diskPath: tmpdir(), env: process.env });
/** The same machine, as a worker sees it that may not make control groups. */
const withoutGroups: Platform = {
  facts: () => platform.facts(),
  load: () => platform.load(),
  freeDiskBytes: () => platform.freeDiskBytes(),
  processes: platform.processes,
};

const executors = {
  process: new CommandExecutor({ platform: withoutGroups, killGraceMs: 300 }),
  cgroup: new CommandExecutor({ platform, killGraceMs: 300 }),
  /** Gives what complies the time that a busy machine needs. */
  patient: new CommandExecutor({ platform }),
};
let levels: readonly IsolationLevel[] = [];
let attempt: ScratchAttempt;

const linux = process.platform === "linux";
if (!linux) console.log("skipped: processes can be watched on Linux alone so far");

beforeAll(async () => {
  const scratch = await scratchAttempt();
  const probe = {
    facts: await platform.facts(),
    clock: systemClock,
    cacheDir: scratch.context.cacheDir,
    env: process.env,
  };
  levels = (await executors.cgroup.capabilities(probe)).isolation ?? [];
  await executors.process.capabilities(probe);
  await executors.patient.capabilities(probe);
  await scratch.remove();
});
beforeEach(async () => {
  attempt = await scratchAttempt();
});
afterEach(() => attempt.remove());

function has(level: IsolationLevel): boolean {
  const there = levels.includes(level);
  if (!there) console.log(`skipped: this machine has no isolation of the level ${level} (it has ${levels.join(", ")})`);
  return there;
}

function run(
  command: string | string[],
  limits: Limits,
  level: keyof typeof executors = "process",
): Promise<ExecutionReport> {
  const task = scratchTask({ type: "command", config: { command }, limits });
  return executors[level].execute(task, attempt.context);
}

/** No process that carries the mark of the attempt is left. */
function expectNoneLeft(): void {
  const files = join(attempt.context.workDir, "files");
  expect(platform.processes.markedBy("ASSAY_WORK_DIR", (value) => value === files)).toEqual([]);
}

/** Each copy of it starts two more, for ever. */
const FORK_BOMB = "bomb() { bomb | bomb & sleep 100; }; bomb";
/** The same, but each in a session of its own, where a signal to the group does not reach it. */
const SCATTERED_BOMB = 'echo "setsid /bin/sh ./bomb & setsid /bin/sh ./bomb & sleep 100" > bomb; exec /bin/sh ./bomb';
const MEMORY_HOG = `const kept = []; for (;;) kept.push(Buffer.alloc(20e6, 1));`;

describe.runIf(linux).each(["process", "cgroup"] as const)("at the level %s", (level) => {
  const skips = (): boolean => level === "cgroup" && !has("cgroup");

  test.each([
    ["a fork bomb", FORK_BOMB],
    ["a fork bomb whose processes leave their group", SCATTERED_BOMB],
  ])("%s is ended", async (_what, command) => {
    if (skips() || !has("cgroup")) return;
    // Should it get away, this net holds it.
    const net = platform.controlGroups?.create(`assay-net-${process.pid}`, { processes: 500 });
    const enter = level === "cgroup" ? "" : `echo 0 > ${net?.entrances[0]} || exit 9; `;
    const report = await run(enter + command, { processes: 60 }, level);
    await catchAll(net);
    expect(report).toMatchObject({
      status: "failed",
      partial: true,
      failure: { class: "crash", reason: "process_limit" },
      isolation: { level, exceeded: ["processes"] },
    });
    expect(report.failure?.message).toContain("limits.processes = 60");
    expectNoneLeft();
  });

  test("1 GiB of output costs the attempt, and no more disk than the limit", async () => {
    if (skips()) return;
    const report = await run("head -c 1073741824 /dev/zero; sleep 100", { output_mb: 20 }, level);
    expect(report).toMatchObject({
      failure: { class: "crash", reason: "output_limit" },
      isolation: { level, exceeded: ["output_mb"] },
    });
    expect(attempt.artifacts.get("stdout.log")).toHaveLength(20_000_000);
    expectNoneLeft();
  });

  test.each([
    ["one large file", "head -c 10000000000 /dev/zero > big; sleep 100"],
    ["many files", "i=0; while :; do i=$((i + 1)); head -c 1000000 /dev/zero > f$i; done"],
  ])("a disk filler with %s is ended", async (_what, command) => {
    if (skips()) return;
    const report = await run(command, { disk_mb: 30 }, level);
    expect(report).toMatchObject({
      failure: { class: "crash", reason: "disk_limit" },
      isolation: { level, exceeded: ["disk_mb"] },
    });
    expectNoneLeft();
  });

  test("a memory hog is ended", async () => {
    if (skips()) return;
    const report = await run([process.execPath, "-e", MEMORY_HOG], { memory_mb: 200 }, level);
    expect(report).toMatchObject({
      failure: { class: "out_of_memory", reason: "memory_limit" },
      isolation: { level, exceeded: ["memory_mb"] },
    });
    expectNoneLeft();
  });

  test("a daemon that ignores SIGTERM does not outlive the attempt", async () => {
    if (skips()) return;
    const daemon = "trap '' TERM HUP; sleep 100 & echo $! > sleeper; wait";
    await writeScript("daemon.sh", daemon);
    const clean = level === "cgroup" ? "env -i PATH=$PATH " : "";
    const command = `(${clean}setsid /bin/sh ./daemon.sh &) ; while [ ! -s sleeper ]; do sleep 0.02; done`;
    const report = await run(command, {}, level);
    expect(report).toMatchObject({ status: "completed", isolation: { level, exceeded: [] } });
    const pid = await readFile(join(attempt.context.workDir, "files", "sleeper"), "utf8");
    expect(alive(Number(pid))).toBe(false);
  });

  test("what is within its limits passes, and the limits are told", async () => {
    if (skips()) return;
    const limits = { cpu: 1, memory_mb: 500, processes: 50, disk_mb: 50, output_mb: 5 };
    const report = await run("echo fine", limits, level);
    expect(report.status).toBe("completed");
    expect(report.isolation?.level).toBe(level);
    const watched = ["disk_mb", "memory_mb", "output_mb", "processes"];
    expect(report.isolation?.enforced.toSorted()).toEqual(level === "cgroup" ? ["cpu", ...watched] : watched);
    expect(report.partial).toBeUndefined();
  });

  test("a missing program is still a missing program", async () => {
    if (skips()) return;
    expect((await run(["no-such-program"], {}, level)).failure).toMatchObject({
      class: "setup",
      reason: "program_not_found",
    });
  });
});

test.runIf(linux)("the kernel gives no more processor time than the limit", async () => {
  if (!has("cgroup")) return;
  // The kernel tells how often it made the group of the command wait: version 1 first, then version 2.
  const command = `"${process.execPath}" -e 'const end = performance.now() + 500; while (performance.now() < end);'
    v1=$(grep ':cpu[,:]' /proc/self/cgroup | cut -d: -f3); v2=$(grep '^0::' /proc/self/cgroup | cut -d: -f3)
    cat "/sys/fs/cgroup/cpu$v1/cpu.stat" "/sys/fs/cgroup$v2/cpu.stat" 2>/dev/null | grep nr_throttled`;
  const report = await run(command, { cpu: 0.1 }, "cgroup");
  expect(report.isolation?.enforced).toContain("cpu");
  expect(Number(/nr_throttled (\d+)/.exec(attempt.shown.stdout)?.[1])).toBeGreaterThan(0);
});

test.runIf(linux)("to measure what a machine can do ends nothing that runs on it", async () => {
  if (!has("cgroup")) return;
  const running = run("touch here; while ! [ -e go ]; do sleep 0.02; done", {}, "cgroup");
  const files = join(attempt.context.workDir, "files");
  await waitFor(join(files, "here"));
  const { cacheDir, clock, env } = attempt.context;
  await new CommandExecutor({ platform }).capabilities({ facts: await platform.facts(), clock, cacheDir, env });
  await writeFile(join(files, "go"), "");
  expect(await running).toMatchObject({ status: "completed", isolation: { level: "cgroup" } });
});

test.runIf(linux)("no control group outlives its attempt", async () => {
  if (!has("cgroup")) return;
  await run("sleep 100 & exit 3", { memory_mb: 100 }, "cgroup");
  const pattern = `${groupPrefix(attempt.context.cacheDir)}*`;
  expect(execFileSync("find", ["/sys/fs/cgroup", "-name", pattern], { encoding: "utf8" })).toBe("");
});

describe.runIf(linux)("a sandbox", () => {
  const inSandbox = (command: string | string[]): Promise<ExecutionReport> => run(command, { sandbox: true }, "cgroup");

  test("where there is none the task fails, and does not run without one", async () => {
    const bare = new CommandExecutor({ platform });
    const task = scratchTask({ type: "command", config: { command: "touch ran" }, limits: { sandbox: true } });
    expect((await bare.execute(task, attempt.context)).failure).toMatchObject({ class: "setup", reason: "no_sandbox" });
    expect(existsSync(join(attempt.context.workDir, "files", "ran"))).toBe(false);
  });

  test("lets a command write its own folder alone", async () => {
    if (!has("sandbox")) return;
    const outside = join(attempt.context.cacheDir, "secret");
    await mkdir(attempt.context.cacheDir, { recursive: true });
    await writeFile(outside, "secret");
    const report = await inSandbox(
      `echo mine > mine; echo x > /etc/assay-test && exit 1; cat ${outside} && exit 2; echo x > "$ASSAY_CHECKPOINT_DIR/c"; exit 0`,
    );
    expect(report).toMatchObject({ status: "completed", isolation: { level: "sandbox" } });
    expect(await readFile(join(attempt.context.workDir, "files", "mine"), "utf8")).toBe("mine\n");
    expect(existsSync("/etc/assay-test")).toBe(false);
  });

  test("a program that is hidden in it is a missing one", async () => {
    if (!has("sandbox")) return;
    const program = join(attempt.context.cacheDir, "program");
    await mkdir(attempt.context.cacheDir, { recursive: true });
    await writeFile(program, "#!/bin/sh\n", { mode: 0o755 });
    expect((await inSandbox([program])).failure).toMatchObject({ class: "setup", reason: "program_not_found" });
  });

  test("has no network and sees no other process", async () => {
    if (!has("sandbox")) return;
    const report = await inSandbox(
      `grep -c : /proc/net/dev; ls -d /proc/[0-9]* | wc -l; kill -0 ${process.pid} || echo unseen`,
    );
    const [devices, processes, unseen] = attempt.shown.stdout.split("\n");
    expect(report.status).toBe("completed");
    expect(devices).toBe("1");
    expect(Number(processes)).toBeLessThan(10);
    expect(unseen).toBe("unseen");
  });

  test("gives a command that is told to stop its time, and tells a crash in it", async () => {
    if (!has("sandbox")) return;
    expect((await inSandbox("kill -SEGV $$")).failure).toMatchObject({ class: "crash", reason: "segmentation_fault" });
    await attempt.remove();
    attempt = await scratchAttempt();
    const polite = "trap 'echo saved > saved; exit' TERM; touch here; while :; do sleep 0.02; done";
    const running = run(polite, { sandbox: true }, "patient");
    await waitFor(join(attempt.context.workDir, "files", "here"));
    attempt.abort("timeout");
    expect(await running).toMatchObject({ status: "timed_out", partial: true });
    expect(await readFile(join(attempt.context.workDir, "files", "saved"), "utf8")).toBe("saved\n");
    expectNoneLeft();
  });

  test("holds a fork bomb", async () => {
    if (!has("sandbox")) return;
    const task = scratchTask({
      type: "command",
      config: { command: SCATTERED_BOMB },
      limits: { sandbox: true, processes: 60 },
    });
    const report = await executors.cgroup.execute(task, attempt.context);
    expect(report.failure).toMatchObject({ class: "crash", reason: "process_limit" });
    expectNoneLeft();
  });
});

async function writeScript(name: string, script: string): Promise<void> {
  const files = join(attempt.context.workDir, "files");
  await mkdir(files, { recursive: true });
  await writeFile(join(files, name), script);
}

async function waitFor(path: string): Promise<void> {
  await vi.waitFor(() => expect(existsSync(path)).toBe(true), { timeout: 20_000, interval: 10 });
}

/** A process that has ended may wait for its parent for a while: that is not alive. */
function alive(pid: number): boolean {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^[ZX]/.test(state.slice(state.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

async function catchAll(net: ControlGroup | undefined): Promise<void> {
  await vi.waitFor(() => {
    net?.kill();
    expect(net?.remove()).toBe(true);
  });
}
