import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, hostname, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LinuxPlatform } from "./linux-platform.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-platform-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const linux = process.platform === "linux";
if (!linux) console.log("skipped: LinuxPlatform reads /proc and /sys, which this system does not have");

test.runIf(linux)("facts of this machine", async () => {
  const platform = new LinuxPlatform({ diskPath: join(folder, "not/yet/there"), env: process.env });
  const facts = await platform.facts();
  expect(facts.hostname).toBe(hostname());
  expect(facts.os).toMatchObject({ platform: "linux", arch: process.arch });
  expect(facts.cpu.model).not.toBe("");
  expect(facts.cpu.threads).toBe(cpus().length);
  expect(facts.cpu.usableCores).toBeGreaterThan(0);
  expect(facts.cpu.usableCores).toBeLessThanOrEqual(facts.cpu.threads);
  expect(facts.memory.usableBytes).toBeGreaterThan(0);
  expect(facts.memory.usableBytes).toBeLessThanOrEqual(totalmem());
  expect(facts.diskFreeBytes).toBeGreaterThan(0);
  expect(platform.freeDiskBytes()).toBeGreaterThan(0);
});

test.runIf(linux)("limits of the container and affinity narrow the facts", async () => {
  await mkdir(join(folder, "proc/self"), { recursive: true });
  await mkdir(join(folder, "sys/fs/cgroup"), { recursive: true });
  await writeFile(join(folder, "proc/self/cgroup"), "0::/\n");
  await writeFile(
    join(folder, "proc/self/status"),
    "Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t0-2,8,10-11\n",
  );
  await writeFile(join(folder, "sys/fs/cgroup/memory.max"), "1073741824\n");
  await writeFile(join(folder, "sys/fs/cgroup/memory.current"), "500000000\n");
  await writeFile(join(folder, ".dockerenv"), "");
  const frequency = join(folder, "sys/devices/system/cpu/cpu0/cpufreq");
  await mkdir(frequency, { recursive: true });
  await writeFile(join(frequency, "scaling_governor"), "powersave\n");
  const platform = new LinuxPlatform({ diskPath: folder, env: {}, root: folder });

  const affine = await platform.facts();
  expect(affine.cpu.usableCores).toBe(6);
  expect(affine.memory.usableBytes).toBe(2 ** 30);
  expect(affine.container).toBe("docker");
  expect(affine.cpu.governor).toBe("powersave");
  expect((await platform.load()).memory_used_gb).toBe(0.5);

  await writeFile(join(folder, "sys/fs/cgroup/cpu.max"), "250000 100000\n");
  expect((await platform.facts()).cpu.usableCores).toBe(2.5);
});

test.runIf(linux)("load is measured", async () => {
  const load = await new LinuxPlatform({ diskPath: folder, env: {} }).load();
  expect(load.memory_used_gb).toBeGreaterThan(0);
  expect(load.cpu_percent).toBeGreaterThanOrEqual(0);
  expect(load.cpu_percent).toBeLessThanOrEqual(100);
});

test.runIf(linux)("a process, its descendants and its mark are found", async () => {
  const { processes } = new LinuxPlatform({ diskPath: folder, env: {} });
  const shell = spawn("/bin/sh", ["-c", "sleep 60 & echo $!; wait"], {
    env: { ASSAY_PLATFORM_TEST: folder },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  try {
    const [line] = (await once(shell.stdout, "data")) as [Buffer];
    const sleeper = Number(line.toString());
    const pid = shell.pid ?? 0;
    expect(processes.descendants(pid)).toEqual([sleeper]);
    expect(processes.descendants(process.pid)).toEqual(expect.arrayContaining([pid, sleeper]));
    expect(new Set(processes.markedBy("ASSAY_PLATFORM_TEST", (value) => value === folder))).toEqual(
      new Set([pid, sleeper]),
    );
    expect(processes.markedBy("ASSAY_PLATFORM_TEST", (value) => value === "another")).toEqual([]);
    expect(processes.processGroup(sleeper)).toBe(pid);
    expect(processes.peakMemoryBytes(pid)).toBeGreaterThan(0);
  } finally {
    const ended = once(shell, "exit");
    process.kill(-(shell.pid ?? 0), "SIGKILL");
    await ended;
  }
  expect(processes.descendants(shell.pid ?? 0)).toEqual([]);
  expect(processes.peakMemoryBytes(shell.pid ?? 0)).toBeUndefined();
});
