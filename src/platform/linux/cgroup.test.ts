import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cgroup } from "./cgroup.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "assay-cgroup-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function files(contents: Record<string, string>): Promise<Cgroup> {
  for (const [path, text] of Object.entries(contents)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return new Cgroup(root);
}

describe("version 2", () => {
  test("inside a container's own namespace the limits stand at the mount", async () => {
    const cgroup = await files({
      "proc/self/cgroup": "0::/\n",
      "sys/fs/cgroup/cpu.max": "150000 100000\n",
      "sys/fs/cgroup/memory.max": "2147483648\n",
      "sys/fs/cgroup/memory.current": "1000000\n",
      "sys/fs/cgroup/memory.stat": "anon 100000\ninactive_file 300000\nactive_file 1\n",
      "sys/fs/cgroup/memory.events": "low 0\nhigh 0\nmax 4\noom 2\noom_kill 3\noom_group_kill 0\n",
    });
    expect(cgroup.coreLimit()).toBe(1.5);
    expect(cgroup.memoryLimitBytes()).toBe(2 ** 31);
    expect(cgroup.memoryUsedBytes()).toBe(700_000);
    expect(cgroup.oomKills()).toBe(3);
  });

  test("the tightest of the nested groups counts", async () => {
    const cgroup = await files({
      "proc/self/cgroup": "0::/user.slice/session\n",
      "sys/fs/cgroup/user.slice/cpu.max": "200000 100000\n",
      "sys/fs/cgroup/user.slice/memory.max": "1000\n",
      "sys/fs/cgroup/user.slice/session/cpu.max": "max 100000\n",
      "sys/fs/cgroup/user.slice/session/memory.max": "3000\n",
    });
    expect(cgroup.coreLimit()).toBe(2);
    expect(cgroup.memoryLimitBytes()).toBe(1000);
  });

  test("a path of the host that the container does not see falls back to the mount", async () => {
    const cgroup = await files({
      "proc/self/cgroup": "0::/../../docker/abc\n",
      "sys/fs/cgroup/cpu.max": "50000 100000\n",
    });
    expect(cgroup.coreLimit()).toBe(0.5);
  });
});

describe("version 1", () => {
  test("quota, limit and kills are read from each controller's mount", async () => {
    const cgroup = await files({
      "proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/docker/abc\n",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "4096000\n",
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "5000\n",
      "sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 2000\n",
      "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
    });
    expect(cgroup.coreLimit()).toBe(3);
    expect(cgroup.memoryLimitBytes()).toBe(4_096_000);
    expect(cgroup.memoryUsedBytes()).toBe(3_000);
    expect(cgroup.oomKills()).toBe(7);
  });

  test("no quota is no limit", async () => {
    const cgroup = await files({
      "proc/self/cgroup": "2:cpu:/\n",
      "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    });
    expect(cgroup.coreLimit()).toBeUndefined();
    expect(cgroup.memoryLimitBytes()).toBeUndefined();
  });
});

test("without control groups nothing is known", async () => {
  const cgroup = await files({});
  expect([cgroup.coreLimit(), cgroup.memoryUsedBytes(), cgroup.oomKills()]).toEqual([undefined, undefined, undefined]);
});
