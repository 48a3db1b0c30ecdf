import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const quiet = { stdio: "ignore" as const, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };

/** True when a command ends well; its output is nobody's business. */
export function succeeds(command: string, args: readonly string[], cwd?: string): boolean {
  return spawnSync(command, args, { ...quiet, cwd }).status === 0;
}

/** Installs a Debian package where that is allowed. False, and nothing is changed, where it is not. */
export function installDebianPackage(name: string): boolean {
  if (process.getuid?.() !== 0 || !succeeds("apt-get", ["--version"])) return false;
  console.log(`installing ${name} for the comparison`);
  succeeds("apt-get", ["update"]);
  return succeeds("apt-get", ["install", "-y", "--no-install-recommends", name]);
}

/** The folder into which the files of a Debian package were unpacked; it is not installed. Undefined, having said so, where there is none. */
export function unpackedDebianPackage(name: string, root: string): string | undefined {
  const folder = join(root, `${name}.unpacked`);
  const into = join(root, `${name}.download`);
  mkdirSync(into);
  const got = succeeds("apt-get", ["download", name], into) || succeeds("apt-get", ["update"]);
  if (got && readdirSync(into).length === 0) succeeds("apt-get", ["download", name], into);
  const [file] = readdirSync(into);
  if (file !== undefined && succeeds("dpkg", ["-x", join(into, file), folder])) return folder;
  return missing(name);
}

/** The folder of a Debian source package. Undefined, having said so, where there is none. */
export function debianSource(name: string, root: string): string | undefined {
  const folder = join(root, `${name}.source`);
  const lists = join(folder, "lists");
  const cache = join(folder, "cache");
  mkdirSync(join(lists, "partial"), { recursive: true });
  mkdirSync(join(cache, "archives", "partial"), { recursive: true });
  // The machine's own lists stay as they are: few have those of sources.
  const list = join(folder, "sources.list");
  writeFileSync(list, sourceLines().join("\n"));
  const place = [`Dir::Etc::SourceList=${list}`, "Dir::Etc::SourceParts=/dev/null"];
  const options = [...place, `Dir::State::Lists=${lists}`, `Dir::Cache=${cache}`].flatMap((one) => ["-o", one]);
  const got = succeeds("apt-get", [...options, "update"]) && succeeds("apt-get", [...options, "source", name], folder);
  const found = readdirSync(folder, { withFileTypes: true }).find(
    (entry) => entry.isDirectory() && entry.name.startsWith(`${name}-`),
  );
  return got && found !== undefined ? join(folder, found.name) : missing(name);
}

/** Where the machine has its packages from, as places of sources. */
function sourceLines(): string[] {
  const format = "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)";
  const asked = ["indextargets", "--format", format, "Created-By: Packages", "Origin: Debian"];
  const { stdout } = spawnSync("apt-get", asked, { encoding: "utf8" });
  return [...new Set(stdout.split("\n"))];
}

function missing(name: string): undefined {
  console.log(`skipped what needs ${name}: Debian's package cannot be had here`);
  return undefined;
}
