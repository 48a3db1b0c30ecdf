import { cp, mkdir, realpath, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { FrameworkName } from "../src/contracts/index.ts";
import { debianSource, unpackedDebianPackage } from "./debian-package.ts";

/** A test suite that other people wrote, in a folder of its own. */
export interface ThirdPartySuite {
  name: string;
  framework: FrameworkName;
  /** Below `root`; undefined, having said why, where it cannot be had. */
  get(root: string): Promise<SuitePlace | undefined>;
}

interface SuitePlace {
  folder: string;
  arguments: readonly string[];
}

const packages = join(import.meta.dirname, "..", "node_modules");

/** Of CPython's test package: neither network nor terminals nor other processes, and quick. */
const CPYTHON = "test_[bd]*.py";
/** With their doctests; all of the library would take minutes. */
const NETWORKX = ["classes", "readwrite", "utils", "algorithms/bipartite", "algorithms/isomorphism", "tests"];

export const thirdPartySuites: readonly ThirdPartySuite[] = [
  { name: "cpython", framework: "unittest", get: cpython },
  { name: "debian-source-jinja2", framework: "pytest", get: jinja2 },
  { name: "debian-networkx", framework: "pytest", get: networkx },
  { name: "npm-zod", framework: "vitest", get: (root) => published(root, "zod", ["src/v4"]) },
  { name: "npm-find-my-way", framework: "node-test", get: (root) => published(root, "find-my-way", []) },
];

async function cpython(root: string): Promise<SuitePlace | undefined> {
  const unpacked = unpackedDebianPackage("libpython3.11-testsuite", root);
  if (unpacked === undefined) return undefined;
  const folder = join(root, "cpython");
  await mkdir(folder);
  for (const from of [join(unpacked, "usr/lib/python3.11/test"), "/usr/lib/python3.11/test"])
    await cp(from, join(folder, "test"), { recursive: true });
  return { folder, arguments: ["-s", "test", "-t", ".", "-p", CPYTHON] };
}

async function jinja2(root: string): Promise<SuitePlace | undefined> {
  const source = debianSource("jinja2", root);
  const needed = unpackedDebianPackage("python3-markupsafe", root);
  if (source === undefined || needed === undefined) return undefined;
  return { folder: source, arguments: ["-o", `pythonpath=src ${join(needed, "usr/lib/python3/dist-packages")}`] };
}

async function networkx(root: string): Promise<SuitePlace | undefined> {
  const unpacked = unpackedDebianPackage("python3-networkx", root);
  if (unpacked === undefined) return undefined;
  return {
    folder: join(unpacked, "usr/lib/python3/dist-packages/networkx"),
    arguments: ["--doctest-modules", ...NETWORKX],
  };
}

/** A package of npm whose archive has its tests; it is one of those that this project has. */
async function published(root: string, name: string, given: readonly string[]): Promise<SuitePlace> {
  const folder = join(root, name);
  await cp(join(packages, name), folder, { recursive: true });
  await symlink(await realpath(packages), join(folder, "node_modules"));
  return { folder, arguments: given };
}
