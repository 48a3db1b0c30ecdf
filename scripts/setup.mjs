// Set-up before `npm start` and `npm test`: installs the pinned packages when node_modules does not match the lock file.
// Plain JavaScript without dependencies, because it runs on a bare checkout under the system's Node.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const STAMP = join(ROOT, "node_modules", ".assay-setup");
const OLDEST_NODE = [20, 19];
/** The parts of package.json that decide what is installed; editing a script must not reinstall. */
const INSTALL_FIELDS = ["dependencies", "devDependencies", "optionalDependencies", "overrides", "allowScripts"];

main(process.argv[2]);

function main(purpose) {
  if (purpose !== "start" && purpose !== "test") fail("usage: node scripts/setup.mjs start|test");
  refuseOldNode();
  const wanted = fingerprint();
  const installed = readStamp();
  if (installed === wanted) return;
  const why = installed === undefined ? "not installed by this set-up yet" : "older than package-lock.json";
  console.log(`setup: packages are ${why}; running npm ci (about half a minute)`);
  install();
  writeFileSync(STAMP, wanted);
}

function refuseOldNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  fail(
    `Node ${process.versions.node} is too old: Assay installs with Node ${OLDEST_NODE.join(".")} or newer. ` +
      "Get a current one from https://nodejs.org and run the command again.",
  );
}

/** One hash over everything that decides what npm ci installs. */
function fingerprint() {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const hash = createHash("sha256");
  hash.update(JSON.stringify(INSTALL_FIELDS.map((field) => manifest[field])));
  hash.update(readFileSync(join(ROOT, "package-lock.json")));
  return hash.digest("hex");
}

function readStamp() {
  try {
    return readFileSync(STAMP, "utf8");
  } catch {
    return undefined;
  }
}

function install() {
  // ONNX Runtime's install script would fetch CUDA libraries from outside the registry.
  const options = { cwd: ROOT, stdio: "inherit", env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" } };
  const { npm_execpath: npm, npm_node_execpath: node } = process.env;
  // Warnings are left out: the system's Node is too old for what the packages will run on, and that is expected here.
  const args = ["ci", "--loglevel=error"];
  // Under npm, call that same npm with that same Node: this process may itself run on the copy in node_modules,
  // which npm ci is about to replace.
  const result =
    npm !== undefined && basename(npm) === "npm-cli.js"
      ? spawnSync(node ?? process.execPath, [npm, ...args], options)
      : spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
  if (result.error !== undefined)
    fail(`npm could not be started (${result.error.message}); install npm and try again.`);
  if (result.status !== 0) fail("npm ci failed: see its message above, then run the command again.");
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}
