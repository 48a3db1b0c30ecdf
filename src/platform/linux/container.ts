import { existsSync } from "node:fs";
import { join } from "node:path";
import { readKernelFile } from "./kernel-file.ts";

/** What kind of container this process runs in, if any. `root` is `/`, or a folder with a copy of what is looked at. */
export function detectContainer(root: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const has = (path: string): boolean => existsSync(join(root, path));
  const groups = readKernelFile(join(root, "proc/self/cgroup")) ?? "";
  if (
    env["KUBERNETES_SERVICE_HOST"] !== undefined ||
    has("var/run/secrets/kubernetes.io") ||
    groups.includes("/kubepods")
  ) {
    return "kubernetes";
  }
  if (has("run/.containerenv") || groups.includes("/libpod-")) return "podman";
  if (has(".dockerenv") || /\/docker[/-]/.test(groups)) return "docker";
  if (/\/lxc[./]/.test(groups)) return "lxc";
  // What systemd and others agree on: the manager says its name.
  const named = env["container"] ?? readKernelFile(join(root, "run/systemd/container"))?.trim();
  return named === undefined || named === "" ? undefined : named;
}
