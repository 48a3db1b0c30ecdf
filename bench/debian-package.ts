import { spawnSync } from "node:child_process";

const quiet = { stdio: "ignore" as const, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };

/** True when a command ends well; its output is nobody's business. */
export function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, quiet).status === 0;
}

/** Installs a Debian package where that is allowed. False, and nothing is changed, where it is not. */
export function installDebianPackage(name: string): boolean {
  if (process.getuid?.() !== 0 || !succeeds("apt-get", ["--version"])) return false;
  console.log(`installing ${name} for the comparison`);
  succeeds("apt-get", ["update"]);
  return succeeds("apt-get", ["install", "-y", "--no-install-recommends", name]);
}
