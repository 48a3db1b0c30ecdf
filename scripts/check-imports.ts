// Gate: who may import whom. The table ROOMS is the architecture; ARCHITECTURE.md explains it.
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, posix } from "node:path";

import { ambientUses } from "./ambient-uses.ts";
import { importCycles, type ImportEdge, importEdges, reachableFrom } from "./import-edges.ts";
import { type Finding, isTestFile, listFiles, parseSource, report, type SourceFile } from "./source-tree.ts";

interface RoomRule {
  /** Other rooms it may import, through their index.ts. */
  rooms: readonly string[] | "all";
  /** npm packages it may import; all declared ones when left out. */
  npm?: readonly string[];
  /** Runs anywhere, so it may not import Node's own modules. */
  portable?: true;
  /** Must answer the same for the same arguments: no clock, randomness, promises or globals. */
  deterministic?: true;
}

const ROOMS: Record<string, RoomRule> = {
  base: { rooms: [], npm: [], portable: true },
  contracts: { rooms: ["base"], npm: ["zod"], portable: true },
  stats: { rooms: ["base"], npm: [], portable: true },
  scheduler: { rooms: ["base", "contracts", "stats"], npm: [], portable: true, deterministic: true },
  journal: { rooms: ["base", "contracts"] },
  transport: { rooms: ["base", "contracts"] },
  auth: { rooms: ["base", "contracts"] },
  platform: { rooms: ["base", "contracts"] },
  models: { rooms: ["base", "contracts"] },
  client: { rooms: ["base", "contracts"] },
  results: { rooms: ["base", "contracts", "stats"] },
  reports: { rooms: ["base", "contracts", "stats"] },
  frameworks: { rooms: ["base", "contracts"] },
  workspace: { rooms: ["base", "contracts"], npm: ["zod"] },
  planner: { rooms: ["base", "contracts", "stats", "models", "frameworks", "workspace"] },
  executors: { rooms: ["base", "contracts", "stats", "platform", "models", "frameworks", "workspace"] },
  worker: { rooms: ["base", "contracts", "stats", "platform", "models", "executors", "transport", "auth"] },
  tab: {
    rooms: ["base", "contracts", "client", "platform", "executors", "transport", "worker"],
  },
  coordinator: {
    rooms: ["base", "contracts", "stats", "scheduler", "journal", "transport", "results", "reports", "auth"],
  },
  ci: { rooms: ["base", "contracts", "client"] },
  provision: { rooms: ["base", "contracts", "client"] },
  deploy: { rooms: ["base", "contracts", "client", "platform"] },
  cli: { rooms: "all" },
};

/** Rooms whose folders are adapters of one port: siblings never import each other. */
const ADAPTER_ROOMS = ["executors", "frameworks", "journal", "platform"];

/**
 * Large or native packages: one file each may load them, and only when they are used, so that nothing else pays for them or breaks without
 * them.
 */
const HEAVY = [
  "@duckdb/node-api",
  "@duckdb/node-bindings",
  "onnxruntime-node",
  "onnxruntime-web",
  "@huggingface/transformers",
  "oxc-parser",
  "puppeteer-core",
  "rolldown",
  "@sparticuz/chromium",
  "pg",
];

const FOLDERS = ["src", "test", "bench", "sim", "scripts", "examples"];

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

/** One import, with everything a rule asks about it. */
interface Import extends ImportEdge {
  from: string;
  fromTest: boolean;
  fromRoom: string | undefined;
  /** Set when it names a file of this repository. */
  file?: string;
  room?: string | undefined;
  /** Set when it names an npm package. */
  npm?: string;
  /** Set when it names a module of Node. */
  builtin?: string;
}

/** All violations in the tree at `root`. */
export function checkImports(root: string): Finding[] {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
  const sources = listFiles(root, FOLDERS, "**/*.{ts,tsx,mts,js,mjs}").map((path) => parseSource(root, path));
  const imports = sources.flatMap(importsOf);
  const fileFindings = imports.flatMap((entry) =>
    [tableRule, doorRule, siblingRule, testRule, npmRule, builtinRule, declaredRule(manifest)]
      .map((rule) => rule(entry))
      .filter((message) => message !== undefined)
      .map((message) => ({ path: entry.from, line: entry.line, message })),
  );
  return [
    ...unknownRooms(sources),
    ...fileFindings,
    ...heavyFindings(imports),
    ...eagerFindings(imports),
    ...cycleFindings(imports),
    ...sources.filter((source) => isDeterministic(source.path)).flatMap(ambientUses),
  ];
}

function importsOf(source: SourceFile): Import[] {
  const fromRoom = roomOf(source.path);
  const fromTest = isTestFile(source.path);
  return importEdges(source).map((edge) => ({
    ...edge,
    ...target(source.path, edge),
    from: source.path,
    fromRoom,
    fromTest,
  }));
}

function target(from: string, { specifier }: ImportEdge): Partial<Import> {
  if (specifier === undefined) return {};
  if (specifier.startsWith(".")) {
    const file = posix.join(posix.dirname(from), specifier);
    return { file, room: roomOf(file) };
  }
  if (specifier.startsWith("node:") || builtinModules.includes(specifier)) return { builtin: specifier };
  const parts = specifier.split("/");
  return { npm: parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/") };
}

/** The folder directly below src/ that a file lies in. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

function isDeterministic(path: string): boolean {
  return !isTestFile(path) && ROOMS[roomOf(path) ?? ""]?.deterministic === true;
}

function unknownRooms(sources: readonly SourceFile[]): Finding[] {
  const rooms = new Set(sources.map(({ path }) => roomOf(path)).filter((room) => room !== undefined));
  return [...rooms]
    .filter((room) => ROOMS[room] === undefined)
    .map((room) => ({
      path: `src/${room}`,
      line: 1,
      message: "is a room without a row in the table of scripts/check-imports.ts",
    }));
}

function tableRule({ from, fromRoom, file, room }: Import): string | undefined {
  if (!from.startsWith("src/") || file === undefined) return undefined;
  if (!file.startsWith("src/")) return `src may not import ${file}, which lies outside src`;
  const allowed = ROOMS[fromRoom ?? ""]?.rooms;
  if (room === undefined || room === fromRoom || allowed === undefined || allowed === "all") return undefined;
  return allowed.includes(room) ? undefined : `${fromRoom} may not import the room ${room}`;
}

function doorRule({ from, fromRoom, file, room }: Import): string | undefined {
  if (!from.startsWith("src/") || room === undefined || room === fromRoom) return undefined;
  return file === `src/${room}/index.ts`
    ? undefined
    : `enter the room ${room} through src/${room}/index.ts, not ${file}`;
}

function siblingRule({ from, fromRoom, file }: Import): string | undefined {
  if (fromRoom === undefined || file === undefined || !ADAPTER_ROOMS.includes(fromRoom)) return undefined;
  const [, , own, ...ownRest] = from.split("/");
  const [, room, other, ...otherRest] = file.split("/");
  const siblings = room === fromRoom && ownRest.length > 0 && otherRest.length > 0 && own !== other;
  return siblings ? `the adapters ${own} and ${other} of ${room} may not import each other` : undefined;
}

function testRule({ from, fromTest, file }: Import): string | undefined {
  if (!from.startsWith("src/") || fromTest || file === undefined || !isTestFile(file)) return undefined;
  return `product code may not import the test file ${file}`;
}

function npmRule({ fromRoom, fromTest, npm }: Import): string | undefined {
  const allowed = ROOMS[fromRoom ?? ""]?.npm;
  if (npm === undefined || fromTest || allowed === undefined || allowed.includes(npm)) return undefined;
  return `${fromRoom} may not import the package ${npm}`;
}

function builtinRule({ fromRoom, fromTest, builtin }: Import): string | undefined {
  if (builtin === undefined || fromTest || ROOMS[fromRoom ?? ""]?.portable !== true) return undefined;
  return `${fromRoom} runs outside Node too and may not import ${builtin}`;
}

function declaredRule(manifest: Manifest): (entry: Import) => string | undefined {
  const shipped = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies };
  const installed = { ...shipped, ...manifest.devDependencies };
  return ({ from, fromTest, npm, specifier, kind }) => {
    const product = from.startsWith("src/") && !fromTest;
    // A program that speaks for a framework loads what is installed in the user's project.
    const isRunner = from.endsWith("-runner.mjs");
    if (product && !isRunner && specifier === undefined)
      return `a computed ${kind} import hides from this check; write the name out`;
    if (npm === undefined || Object.hasOwn(product ? shipped : installed, npm)) return undefined;
    const where = product ? "dependencies" : "dependencies or devDependencies";
    return `the package ${npm} is not declared in ${where} of package.json`;
  };
}

function heavyFindings(imports: readonly Import[]): Finding[] {
  return HEAVY.flatMap((name) => {
    const uses = imports.filter(
      ({ from, fromTest, npm, kind }) => npm === name && kind !== "type" && !fromTest && from.startsWith("src/"),
    );
    const files = [...new Set(uses.map(({ from }) => from))];
    if (files.length < 2) return [];
    const message = `${name} may be loaded in one file only, and is in ${files.join(", ")}`;
    return uses.map(({ from, line }) => ({ path: from, line, message }));
  });
}

/** Heavy packages that come with a room, or with the program, because only static imports lead to them. */
function eagerFindings(imports: readonly Import[]): Finding[] {
  const graph = graphOf(imports.filter(({ kind }) => kind === "static"));
  const eager = new Map<string, string>();
  for (const door of graph.keys()) {
    if (!/^src\/[^/]+\/(index|main)\.ts$/.test(door)) continue;
    for (const file of [door, ...reachableFrom(graph, door)]) eager.set(file, eager.get(file) ?? door);
  }
  return imports.flatMap(({ from, line, npm, kind }) => {
    const door = eager.get(from);
    if (door === undefined || kind !== "static" || npm === undefined || !HEAVY.includes(npm)) return [];
    return [
      { path: from, line, message: `${npm} is loaded whenever ${door} is; load it with import() when it is used` },
    ];
  });
}

function cycleFindings(imports: readonly Import[]): Finding[] {
  const graph = graphOf(imports.filter(({ kind }) => kind !== "type" && kind !== "thread"));
  return importCycles(graph).map((files) => ({
    path: files[0] ?? "",
    line: 1,
    message: `import cycle: ${[...files, files[0]].join(" → ")}`,
  }));
}

/** The files that each file imports; a file that imports only packages is there too. */
function graphOf(imports: readonly Import[]): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const { from, file } of imports) {
    const files = graph.get(from) ?? new Set();
    graph.set(from, file === undefined ? files : files.add(file));
  }
  return graph;
}

if (import.meta.main) report(checkImports(process.argv[2] ?? dirname(import.meta.dirname)));
