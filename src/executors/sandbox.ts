import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PROBE_TIMEOUT_MS, runHelper } from "./run-helper.ts";

export interface SandboxPlace {
  /** The one folder that can be changed. */
  workDir: string;
  cwd: string;
  /** Of the worker: with it, other attempts and the worker's own files are hidden. */
  cacheDir: string;
  home: string | undefined;
}

/**
 * What goes before a command to run it in a sandbox: namespaces of its own for processes, network, users and the rest, no
 * capabilities, the file system read-only, home and temporary folders empty.
 */
export function sandboxCommand({ workDir, cwd, cacheDir, home }: SandboxPlace): [string, ...string[]] {
  const homes = home === undefined || home === "/" ? [] : [home];
  const hidden = ["/tmp", "/var/tmp", ...homes, dirname(cacheDir)].filter((folder) => existsSync(folder));
  return [
    "bwrap",
    ...["--unshare-all", "--cap-drop", "ALL"],
    ...["--ro-bind", "/", "/"],
    ...["--dev", "/dev", "--proc", "/proc"],
    ...hidden.flatMap((folder) => ["--tmpfs", folder]),
    ...(cwd === workDir || cwd.startsWith(`${workDir}/`) ? [] : ["--ro-bind", cwd, cwd]),
    ...["--bind", workDir, workDir],
    ...["--chdir", cwd],
    // Whether a program is there shows inside alone; a shell says it in exit codes that mean nothing else.
    ...["--", "/bin/sh", "-c", 'exec "$@"', "sh"],
  ];
}

/** Whether a sandbox works here: found out by running something in one. */
export async function probeSandbox({
  cacheDir,
  env,
}: {
  cacheDir: string;
  env: Readonly<Record<string, string | undefined>>;
}): Promise<boolean> {
  if (process.platform !== "linux") return false;
  await mkdir(cacheDir, { recursive: true });
  const folder = await mkdtemp(join(dirname(cacheDir), "sandbox-probe-"));
  try {
    const place = { workDir: folder, cwd: folder, cacheDir, home: env["HOME"] };
    // Its own folder can be changed and nothing else, and there is no network.
    const script =
      "echo yes > here || exit 1; ( : > /assay-probe ) 2>/dev/null && exit 2; test $(grep -c : /proc/net/dev) = 1 && exit 42";
    const command = [...sandboxCommand(place), "/bin/sh", "-c", script] as const;
    const options = { env: { PATH: env["PATH"] }, timeoutMs: PROBE_TIMEOUT_MS };
    return (await runHelper(command, options)).exitCode === 42;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
