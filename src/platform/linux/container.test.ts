import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { detectContainer } from "./container.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "assay-container-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function file(path: string, text = ""): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

test("a plain machine is no container", async () => {
  await file("proc/self/cgroup", "0::/user.slice/user-1000.slice/session-2.scope\n");
  expect(detectContainer(root, {})).toBeUndefined();
});

test("each manager leaves its own mark", async () => {
  await file("proc/self/cgroup", "12:cpu:/lxc/box\n");
  expect(detectContainer(root, {})).toBe("lxc");
  await file(".dockerenv");
  expect(detectContainer(root, {})).toBe("docker");
  await file("run/.containerenv");
  expect(detectContainer(root, {})).toBe("podman");
  // A pod's containers also carry the marks of the engine that runs them.
  expect(detectContainer(root, { KUBERNETES_SERVICE_HOST: "10.0.0.1" })).toBe("kubernetes");
});

test("the group's path gives docker away where its file is hidden", async () => {
  await file("proc/self/cgroup", "0::/system.slice/docker-4f1c.scope\n");
  expect(detectContainer(root, {})).toBe("docker");
});

test("other managers say their name", async () => {
  expect(detectContainer(root, { container: "systemd-nspawn" })).toBe("systemd-nspawn");
  await file("run/systemd/container", "wsl\n");
  expect(detectContainer(root, {})).toBe("wsl");
});
