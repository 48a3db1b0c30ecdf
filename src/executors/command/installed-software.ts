import { execFile } from "node:child_process";

/** Programs that test suites are written for, and how they tell their version. */
const PROGRAMS: readonly { name: string; command: readonly [string, ...string[]] }[] = [
  { name: "python", command: ["python3", "--version"] },
  { name: "git", command: ["git", "--version"] },
  { name: "go", command: ["go", "version"] },
  { name: "cargo", command: ["cargo", "--version"] },
];

const PROBE_TIMEOUT_MS = 10_000;

/** Name to version of the programs found on the PATH of `env`. */
export async function installedSoftware(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const found = await Promise.all(
    PROGRAMS.map(
      async ({ name, command: [program, ...args] }) => [name, await versionOf(program, { args, env })] as const,
    ),
  );
  const versions = found.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { node: process.versions.node, ...Object.fromEntries(versions) };
}

function versionOf(
  program: string,
  options: { args: readonly string[]; env: Readonly<Record<string, string | undefined>> },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      program,
      options.args,
      { env: options.env, timeout: PROBE_TIMEOUT_MS, killSignal: "SIGKILL" },
      (error, stdout) => {
        resolve(error === null ? /\d+(\.\d+)+/.exec(stdout)?.[0] : undefined);
      },
    );
  });
}
