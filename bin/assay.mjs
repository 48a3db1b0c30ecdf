#!/usr/bin/env node
// The `assay` command: finds a Node that can run Assay and hands everything over to the real entry point.
// Plain JavaScript, because it may be started by a Node that is too old for the rest.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const OLDEST_MAJOR = 24;
const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
/** Signals that end a process; the child decides what they mean. */
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"];

const entry = entryPoint();
if (majorOf(process.versions.node) >= OLDEST_MAJOR) {
  process.argv[1] = entry;
  await import(pathToFileURL(entry).href);
} else {
  handOver(newerNode());
}

/** The sources in a checkout; the built files in an installed package (Node does not strip types below node_modules). */
function entryPoint() {
  const source = join(ROOT, "src", "cli", "main.ts");
  const built = join(ROOT, "dist", "cli", "main.js");
  const installed = ROOT.split(sep).includes("node_modules");
  const entry = [source, built].find((path) => existsSync(path) && !(installed && path === source));
  if (entry !== undefined) return entry;
  return fail(`neither ${source} nor ${built} exists; in a checkout run "npm run build", else reinstall the package.`);
}

function newerNode() {
  const executable = process.platform === "win32" ? "node.exe" : "node";
  const candidates = [join(ROOT, "node_modules", "node", "bin", executable), process.env.ASSAY_NODE];
  const found = candidates.find((path) => path !== undefined && existsSync(path) && isNewEnough(path));
  if (found !== undefined) return found;
  return fail(
    `Node ${OLDEST_MAJOR} or newer is needed, this is ${process.versions.node}. In a checkout run "npm ci"; elsewhere install ` +
      "Node from https://nodejs.org, or set ASSAY_NODE to the path of a newer node executable.",
  );
}

function isNewEnough(path) {
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  return majorOf((stdout ?? "").trim().slice(1)) >= OLDEST_MAJOR;
}

function majorOf(version) {
  return Number(version.split(".")[0]);
}

function handOver(node) {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to the child as well; forwarding it would look like a second, impatient one.
  const fromTerminal = (signal) => signal === "SIGINT" && process.stdin.isTTY;
  for (const signal of FORWARDED) process.on(signal, () => fromTerminal(signal) || child.kill(signal));
  child.once("error", (error) => fail(`${node} could not be started: ${error.message}`));
  child.once("exit", (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

function fail(message) {
  console.error(`assay: ${message}`);
  return process.exit(1);
}
