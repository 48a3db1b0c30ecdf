import { execFileSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createPlatform } from "../../platform/index.ts";
import type { ExecutionReport } from "../executor.ts";
import type { ScratchAttempt } from "../executor-acceptance.ts";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import { CommandExecutor } from "./command-executor.ts";

const platform = createPlatform({ diskPath: tmpdir(), env: process.env });
const executor = new CommandExecutor({ platform, killGraceMs: 300 });
let attempt: ScratchAttempt;

beforeEach(async () => {
  attempt = await scratchAttempt();
});
afterEach(() => attempt.remove());

function run(command: string | string[], cwd?: string): Promise<ExecutionReport> {
  return executor.execute(
    scratchTask({ type: "command", config: { command, ...(cwd === undefined ? {} : { cwd }) } }),
    attempt.context,
  );
}

const node = (script: string, ...flags: string[]): string[] => [process.execPath, ...flags, "-e", script];
/** Reads from an address that is not there. */
const segfault = ["perl", "-e", 'print unpack("p", pack("J", 1))'];

const windows = process.platform === "win32";
if (windows) console.log("skipped: signals and shells are those of POSIX systems");

test.skipIf(windows).each<[string, string | string[], string, string]>([
  ["exit code 1", "exit 1", "assertion", "exit_code"],
  ["exit code 200, which stands for no signal", "exit 200", "assertion", "exit_code"],
  ["a program that is not there", ["no-such-program-anywhere"], "setup", "program_not_found"],
  ["a program that the shell does not find", "no-such-program-anywhere", "setup", "program_not_found"],
  ["a program that another program does not find", ["env", "no-such-program"], "setup", "program_not_found"],
  ["a file that is no program", "/etc/passwd", "setup", "program_not_executable"],
  ["a folder as the program", ["/tmp"], "setup", "program_not_executable"],
  ["arguments longer than the system takes", ["true", "x".repeat(200_000)], "setup", "arguments_too_long"],
  ["a time limit within the command", "timeout 0.1 sleep 100", "timeout", "timeout_command"],
  ["exit code 125, by which what confines a command says that it could not", "exit 125", "setup", "not_confined"],
  ["a read from an address that is not there", segfault, "crash", "segmentation_fault"],
  ["abort()", node("process.abort()"), "crash", "aborted"],
  ["abort() below a shell", `"${process.execPath}" -e "process.abort()"; exit $?`, "crash", "aborted"],
  ["SIGKILL from another process", "kill -KILL $$", "crash", "killed"],
  ["SIGKILL to a child, told by the shell", "sh -c 'kill -KILL $$'; exit $?", "crash", "killed"],
  ["SIGTERM from another process", "kill -TERM $$", "crash", "terminated"],
  ["a system call that is not allowed", "kill -SYS $$", "crash", "bad_system_call"],
  [
    "a file larger than the limit of the shell",
    "ulimit -f 1; exec head -c 10000 /dev/zero > big",
    "crash",
    "file_size_limit",
  ],
  [
    "more processor time than the limit of the shell",
    "ulimit -t 1; while :; do :; done",
    "crash",
    "killed|cpu_time_limit",
  ],
  ["SIGPIPE", "kill -PIPE $$", "crash", "broken_pipe"],
  ["SIGBUS", "kill -BUS $$", "crash", "bus_error"],
  ["SIGILL", "kill -ILL $$", "crash", "illegal_instruction"],
  ["SIGFPE", "kill -FPE $$", "crash", "arithmetic_error"],
  ["SIGTRAP", "kill -TRAP $$", "crash", "trap"],
  ["SIGINT", "kill -INT $$", "crash", "interrupted"],
  ["SIGHUP", "kill -HUP $$", "crash", "hung_up"],
  ["a signal without a row of its own", "kill -USR2 $$", "crash", "signal"],
  [
    "a JavaScript heap that is full",
    node("const a = []; for (;;) a.push(new Array(1e5).fill({}))", "--max-old-space-size=30"),
    "out_of_memory",
    "allocation_failed",
  ],
])("%s", async (...[, command, kind, reasons]) => {
  const report = await run(command);
  expect(report.status).toBe("failed");
  expect(report.failure?.class).toBe(kind);
  expect(reasons.split("|")).toContain(report.failure?.reason);
});

test.skipIf(windows)("memory that is refused, told by the words of the runtime", async () => {
  // An address space of 300 MB: the allocation itself fails, nobody is killed.
  const script = "try: x = bytearray(1 << 30)\nexcept MemoryError: raise";
  const report = await run(`ulimit -v 300000; exec python3 -c '${script}'`);
  if (report.failure?.reason === "program_not_found") return console.log("skipped: there is no python3 here");
  expect(report.failure).toMatchObject({ class: "out_of_memory", reason: "allocation_failed" });
});

test.skipIf(windows)("a working folder that is not there", async () => {
  expect((await run("true", "/no/such/folder")).failure).toMatchObject({ class: "setup", reason: "cwd" });
});

test.skipIf(windows)("a file that may be executed and cannot", async () => {
  const file = join(attempt.context.workDir, "program");
  await mkdir(attempt.context.workDir, { recursive: true });
  await writeFile(file, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0, 0]));
  await chmod(file, 0o755);
  expect((await run([file])).failure?.class).toBe("setup");
});

test.runIf(process.platform === "linux")(
  "a kill by the kernel for want of memory, in the control group of the worker",
  () => {
    const group = platform.controlGroups?.create(`assay-oom-${process.pid}`, { memoryBytes: 300e6 });
    if (group === undefined) return console.log("skipped: no control group that limits memory can be made here");
    try {
      const program = new URL("./oom-acceptance.ts", import.meta.url).pathname;
      const output = execFileSync(process.execPath, [program, attempt.context.workDir, ...group.entrances], {
        encoding: "utf8",
      });
      expect(JSON.parse(output)).toMatchObject({
        failure: { class: "out_of_memory", reason: "oom_kill" },
        partial: true,
      });
      expect(group.oomKills()).toBeGreaterThan(0);
    } finally {
      group.kill();
      group.remove();
    }
  },
);
