import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LineSplitter, runChild } from "../run-child.ts";
import { fileName } from "../test-runner.mjs";
import type { CargoArguments } from "./cargo-arguments.ts";

/** What Cargo runs as one program. */
export interface CargoTarget {
  /** The file at its root, as in ids. */
  file: string;
  /** The tests in the documentation of a library, which Rustdoc builds and runs. */
  isDocumentation: boolean;
  command: readonly string[];
  /** What chooses tests, as Cargo passes it on. */
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

export interface CargoBuild {
  targets: CargoTarget[];
  /** Libraries whose documentation has tests that Cargo would run. */
  documented: CargoTarget[];
  /** What could not be built; then there are no targets. */
  problems: { file: string | null; message: string }[];
  /** Cargo itself did not come to build. */
  failed: { exitCode: number | null; signal: NodeJS.Signals | null } | undefined;
}

/** A line of `--message-format=json`. */
interface CargoMessage {
  reason: string;
  manifest_path?: string;
  target?: { kind: string[]; src_path: string; doctest?: boolean };
  executable?: string | null;
  message?: { level: string; rendered?: string; spans?: { file_name: string; is_primary: boolean }[] };
  success?: boolean;
}

const place = fileURLToPath(new URL("./cargo-place.mjs", import.meta.url));

/** Builds the tests, and asks Cargo where and with what it would run them. */
export async function buildTargets(given: CargoArguments, scratch: string): Promise<CargoBuild> {
  const folder = mkdtempSync(join(scratch, "cargo-"));
  try {
    const places = join(folder, "places");
    const runner = `target."cfg(all())".runner=${JSON.stringify([process.execPath, place])}`;
    const messages: CargoMessage[] = [];
    const lines = new LineSplitter((line) => {
      if (line.startsWith('{"reason":')) messages.push(JSON.parse(line) as CargoMessage);
    });
    const also = given.binaries ? ["--no-fail-fast", "--config", runner] : ["--no-run", "--tests"];
    const cargo = given.cargo.filter((one) => one !== "--doc");
    const command = ["cargo", "test", ...cargo, ...also, "--message-format=json"];
    const end = await runChild(given.binaries ? [...command, "--", ...given.tests] : command, {
      env: { ...process.env, ASSAY_CARGO_PLACES: places },
      onText: (text) => lines.add(text),
    });
    lines.end();
    const problems = messages.flatMap(problemOf);
    const failed = end.exitCode === 0 || problems.length > 0 ? undefined : end;
    if (end.exitCode !== 0) return { targets: [], documented: [], problems, failed };
    const documented = given.documentation ? documentedIn(messages, given) : [];
    return { targets: given.binaries ? targetsIn(messages, readLines(places)) : [], documented, problems: [], failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function targetsIn(messages: readonly CargoMessage[], places: readonly string[]): CargoTarget[] {
  const files = new Map(messages.map(({ executable, target }) => [executable, fileName(target?.src_path ?? "")]));
  return places.map((line) => {
    const { executable, args, cwd, env } = JSON.parse(line) as Pick<CargoTarget, "args" | "cwd" | "env"> & {
      executable: string;
    };
    return {
      file: files.get(executable) ?? fileName(executable),
      isDocumentation: false,
      command: [executable],
      args,
      cwd,
      env,
    };
  });
}

/** The tests in documentation are built and run by Cargo itself. */
function documentedIn(messages: readonly CargoMessage[], given: CargoArguments): CargoTarget[] {
  const libraries = new Map<string, CargoTarget>();
  for (const { manifest_path: manifest, target } of messages) {
    if (manifest === undefined || target?.doctest !== true || manifest.includes("/registry/")) continue;
    const file = fileName(target.src_path);
    if (file.startsWith("..")) continue;
    const command = ["cargo", "test", "--doc", "--manifest-path", manifest, ...given.build, "--"];
    libraries.set(manifest, {
      file,
      isDocumentation: true,
      command,
      args: given.tests,
      cwd: process.cwd(),
      env: process.env,
    });
  }
  return [...libraries.values()];
}

function problemOf({ reason, message, target }: CargoMessage): { file: string | null; message: string }[] {
  if (reason !== "compiler-message" || message?.level !== "error") return [];
  const file = message.spans?.find((span) => span.is_primary)?.file_name ?? (target && fileName(target.src_path));
  return [{ file: file ?? null, message: (message.rendered ?? "").slice(0, 4_000) }];
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").trim().split("\n");
  } catch {
    // Nothing was to be run.
    return [];
  }
}
