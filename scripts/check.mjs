// `npm run check`: every gate, two at a time, one line each; the output of a gate only when it failed.
// Plain JavaScript, so that it also runs under the system's Node; the gates themselves run on the project's Node.
import { spawn } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { GATES } from "./gates.mjs";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const CONCURRENCY = 2;

/** The environment in which `node` and the tools resolve to the project's own. */
export function toolEnvironment() {
  return { ...process.env, PATH: [join(ROOT, "node_modules", ".bin"), process.env.PATH].join(delimiter) };
}

/** Starts a tool of node_modules/.bin; resolves to its exit code and, when piped, its output. */
export function runTool([tool, ...args], stdio = "pipe") {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, {
      cwd: ROOT,
      env: toolEnvironment(),
      shell: process.platform === "win32",
      stdio: ["ignore", stdio, stdio],
    });
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => (output += text));
    child.stderr?.setEncoding("utf8").on("data", (text) => (output += text));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Runs all gates and prints them; resolves to `{ passed, failed }`. */
export async function runGates(gates = GATES) {
  const waiting = [...gates];
  const failures = [];
  const lane = async () => {
    for (let gate = waiting.shift(); gate !== undefined; gate = waiting.shift()) {
      const startedMs = Date.now();
      const { code, output } = await runTool(gate.command).catch((error) => ({ code: 1, output: String(error) }));
      const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
      console.log(`${gate.name.padEnd(10)} ${code === 0 ? "ok    " : "failed"} ${seconds.padStart(6)} s`);
      if (code !== 0) failures.push({ gate, output });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  for (const { gate, output } of failures)
    console.log(`\n--- ${gate.name}: ${gate.command.join(" ")}\n${output.trimEnd()}`);
  return { passed: gates.length - failures.length, failed: failures.length };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { failed } = await runGates();
  process.exitCode = failed === 0 ? 0 : 1;
}
