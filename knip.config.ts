import { posix } from "node:path";

import type { KnipConfig } from "knip";

import { importEdges } from "./scripts/import-edges.ts";
import { listFiles, parseSource } from "./scripts/source-tree.ts";

/** Entry files of threads and child processes, which no import statement names. */
const threads = listFiles(import.meta.dirname, ["src"], "**/*.ts").flatMap((path) =>
  importEdges(parseSource(import.meta.dirname, path))
    .filter(({ kind }) => kind === "thread")
    .map(({ specifier = "" }) => posix.join(posix.dirname(path), specifier)),
);

const config: KnipConfig = {
  entry: [
    // The contracts are a vocabulary for clients outside this repository too: a type that nobody here uses may stay.
    "src/contracts/index.ts",
    ...threads,
    "scripts/{check-docs,check-imports,check-size,generate}.ts",
    "scripts/{setup,check,test,build}.mjs",
    "bench/*.ts",
    "bench/noise/record.ts",
    "sim/{main,run-mutants,mutant-child}.ts",
    "test/{chaos,fuzz}/main.ts",
    "test/chaos/suites.ts",
  ],
  project: ["src/**/*.ts", "scripts/**/*.{ts,mjs}", "bench/**/*.ts", "sim/**/*.ts", "test/**/*.ts"],
  // An exported type that only describes another export of the same file is part of that export.
  ignoreExportsUsedInFile: true,
  // Started by name from scripts/gates.mjs, loaded by oxlint, found where it is installed, or a framework whose adapter is tested.
  ignoreDependencies: ["oxlint", "oxlint-tsgolint", "@sparticuz/chromium", "jest", "mocha"],
  // Of the machine: peers that a benchmark installs, and tools that tests use where they are.
  ignoreBinaries: ["redis-server", "apt-get", "nvidia-smi", "openssl", "unshare", "mount", "umount", "prlimit"],
  // The types of a room's door describe what its values take and give, whether or not somebody names them today.
  rules: { types: "off" },
};

export default config;
