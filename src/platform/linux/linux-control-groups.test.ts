import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test, vi } from "vitest";
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
