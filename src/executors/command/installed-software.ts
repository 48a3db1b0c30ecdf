import { PROBE_TIMEOUT_MS, runHelper } from "../run-helper.ts";

/** Programs that test suites are written for, and how they tell their version. */
const PROGRAMS: readonly { name: string; command: readonly [string, ...string[]] }[] = [
  { name: "python", command: ["python3", "--version"] },
  { name: "git", command: ["git", "--version"] },
  { name: "go", command: ["go", "version"] },
  { name: "cargo", command: ["cargo", "--version"] },
];

/** Name to version of the programs found on the PATH of `env`. */
export async function installedSoftware(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const found = await Promise.all(
    PROGRAMS.map(async ({ name, command }) => [name, await versionOf(command, env)] as const),
  );
  const versions = found.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { node: process.versions.node, ...Object.fromEntries(versions) };
}

async function versionOf(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const { exitCode, stdout } = await runHelper(command, { env, timeoutMs: PROBE_TIMEOUT_MS });
  return exitCode === 0 ? /\d+(\.\d+)+/.exec(stdout)?.[0] : undefined;
}
