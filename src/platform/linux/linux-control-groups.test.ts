import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { Cgroup } from "./cgroup.ts";
import { LinuxControlGroups } from "./linux-control-groups.ts";

const groups = new LinuxControlGroups(new Cgroup("/"));
const able = process.platform === "linux" ? groups.probe() : [];
if (able.length === 0) console.log("skipped: this process may not make control groups");

const name = (what: string): string => `assay-test-${process.pid}-${what}`;

test.runIf(able.length > 0)(
  "a process that enters is a member with all that it starts, and one kill ends them",
  async () => {
    const group = groups.create(name("kill"), { processes: 50 });
    const child = spawn("/bin/sh", ["-c", `echo 0 > ${group?.entrances[0]}; setsid sleep 100 & sleep 100`], {
      stdio: "ignore",
    });
    const exited = once(child, "exit");
    await vi.waitFor(() => expect(group?.members()).toHaveLength(3), { timeout: 20_000, interval: 10 });
    expect(group?.members()).toContain(child.pid);
    expect(group?.remove()).toBe(false);
    group?.kill();
    expect((await exited)[1]).toBe("SIGKILL");
    await vi.waitFor(() => expect(group?.remove()).toBe(true), { timeout: 20_000, interval: 10 });
    expect(existsSync(dirname(group?.entrances[0] ?? "/"))).toBe(false);
  },
);

test.runIf(able.length > 0)("a limit that was run into is told", async () => {
  const group = groups.create(name("told"), { processes: 3 });
  expect(group?.exceeded()).toEqual([]);
  const line = `echo 0 > ${group?.entrances[0]}; sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait`;
  await once(spawn("/bin/sh", ["-c", line], { stdio: "ignore" }), "exit");
  expect(group?.exceeded()).toEqual(["processes"]);
  group?.kill();
  await vi.waitFor(() => expect(group?.remove()).toBe(true), { timeout: 20_000, interval: 10 });
});

test.runIf(able.length > 0)("what an earlier worker left is ended and removed, that of others is not", async () => {
  const [left, others] = [
    groups.create(name("left-1"), { processes: 50 }),
    groups.create(name("other"), { processes: 50 }),
  ];
  const child = spawn("/bin/sh", ["-c", `echo 0 > ${left?.entrances[0]}; exec sleep 100`], { stdio: "ignore" });
  const exited = once(child, "exit");
  await vi.waitFor(() => expect(left?.members()).toEqual([child.pid]), { timeout: 20_000, interval: 10 });
  groups.clear(name("left"));
  expect((await exited)[1]).toBe("SIGKILL");
  await vi.waitFor(() => {
    groups.clear(name("left"));
    expect(existsSync(left?.entrances[0] ?? "/")).toBe(false);
  });
  expect(existsSync(others?.entrances[0] ?? "")).toBe(true);
  expect(others?.remove()).toBe(true);
});

test("where none can be made nothing is promised", () => {
  const nowhere = new LinuxControlGroups(new Cgroup("/nonexistent"));
  expect(nowhere.probe()).toEqual([]);
  expect(nowhere.create("assay-x", { memoryBytes: 1e9 })).toBeUndefined();
});

// Version 2 is not mounted on every machine: here its files are made up, so that only what is written to them is tested.
describe("of version 2", () => {
  function madeUp({ controllers, kills }: { controllers: string; kills?: number }): { root: string; control: string } {
    const root = mkdtempSync(join(tmpdir(), "assay-cgroup2-"));
    const mount = join(root, "sys/fs/cgroup");
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    };
    write(join(root, "proc/self/cgroup"), "0::/\n");
    write(join(mount, "cgroup.procs"), "");
    // The kernel takes what is written as one more; in a file it stands over what was there, so there is room for it.
    write(join(mount, "cgroup.subtree_control"), `${" ".repeat(10)}${controllers}\n`);
    // The kernel makes these with the group.
    for (const name of ["cgroup.procs", "cpu.max", "memory.max", "pids.max"]) write(join(mount, "one", name), "");
    write(join(mount, "one/memory.events"), `oom_kill ${kills ?? 0}\n`);
    return { root, control: join(mount, "cgroup.subtree_control") };
  }

  test.each([
    ["cpu", "memory pids"],
    ["memory", "cpu pids"],
    ["pids", "cpu memory"],
  ])("a group is given the controller %s when only the others were", (missing, controllers) => {
    const { root, control } = madeUp({ controllers });
    const group = new LinuxControlGroups(new Cgroup(root)).create("one", { cpu: 1, memoryBytes: 1e9, processes: 9 });
    expect(group?.enforced).toEqual(["cpu", "memoryBytes", "processes"]);
    expect(readFileSync(control, "utf8").trim().split(/\s+/)).toEqual([`+${missing}`, ...controllers.split(" ")]);
    rmSync(root, { recursive: true });
  });

  test("a kill for want of memory is a limit that was run into only where there is one", () => {
    const { root } = madeUp({ controllers: "cpu memory pids", kills: 1 });
    const groupsThere = new LinuxControlGroups(new Cgroup(root));
    const unlimited = groupsThere.create("one", { processes: 9 });
    expect([unlimited?.oomKills(), unlimited?.exceeded()]).toEqual([1, []]);
    expect(groupsThere.create("one", { memoryBytes: 1e9 })?.exceeded()).toEqual(["memoryBytes"]);
    rmSync(root, { recursive: true });
  });
});
