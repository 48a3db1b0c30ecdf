// What the programs of ours that speak for a framework of JavaScript share. Each runs in the user's folder, on the user's Node and with
// the user's framework; it is told what to do by its environment and by lines on its standard input, and tells by lines on descriptor 3.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, sep } from "node:path";
import { createInterface } from "node:readline";

/** `mode` (list or run), `detail` of a list (names or files), `arguments` of the user and `retries`; what the tests start shall not find it. */
export const task = JSON.parse(process.env.ASSAY_TESTS);
delete process.env.ASSAY_TESTS;

/** Resolves names as the user's own files would. */
export const fromProject = createRequire(join(process.cwd(), "package.json"));

const MAX_MESSAGE = 4_000;
const MAX_OUTPUT = 8_000;

export function say(event) {
  writeSync(3, `${JSON.stringify(event)}\n`);
}

/** Lists once, or runs batch after batch until there are no more. */
export async function serve({ list, run, close }) {
  if (task.mode === "list") {
    await list();
    say({ kind: "done" });
  } else {
    say({ kind: "ready" });
    for await (const line of createInterface({ input: process.stdin })) {
      await run(JSON.parse(line).tests);
      say({ kind: "done" });
    }
  }
  await close?.();
  process.exit(0);
}

/** As ids have it: relative to the user's folder, with `/`. */
export function fileName(path) {
  return relative(process.cwd(), path).split(sep).join("/");
}

/** An id that no test before it had: the second of a name is `name #2`. */
export function distinct(id, seen) {
  const count = (seen.get(id) ?? 0) + 1;
  seen.set(id, count);
  return count === 1 ? id : `${id} #${count}`;
}

/** The part of an id that names a file, or a file in a project. */
export function whole(id) {
  return id.split(" > ")[0];
}

/** The file in an id; `[project] ` before it is no part of it. */
export function fileOf(id) {
  return whole(id).replace(/^\[[^\]]*\] /, "");
}

/** By itself, or with all of its file. */
export function isAsked(id, asked) {
  return asked.has(id) || asked.has(whole(id)) || asked.has(fileOf(id));
}

/** Tells the result of a test; what is empty is left out. */
export function finish({ id, file, outcome, seconds = 0, message, output, retries }) {
  const failed = !["passed", "skipped"].includes(outcome);
  const result = { id, file, outcome, duration_seconds: Math.max(0, seconds) };
  if (message && outcome !== "passed") result.message = plain(message).slice(0, MAX_MESSAGE);
  if (failed && output) result.output = plain(output).slice(-MAX_OUTPUT);
  if (retries > 0) result.retries = retries;
  say({ kind: "finished", result });
}

/** Without the colours of a terminal. */
function plain(text) {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/\u001B\[[0-9;]*m/g, "");
}

/** A pattern of exactly the names in ids, whatever joins the parts of a name. */
export function namePattern(ids) {
  const names = ids.flatMap((id) => {
    const [, ...parts] = id.split(" > ");
    const name = parts.join(" > ");
    return [name, name.replace(/ #\d+$/, "")];
  });
  const escaped = [...new Set(names)].map((name) => name.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&"));
  const patterns = escaped.map((name) => name.replaceAll(" > ", "(?: > | )").replaceAll("\n", String.raw`\n`));
  return `^(?:${patterns.join("|")})$`;
}

/**
 * Runs a framework's own program for one batch, with a reporter of ours that finds `batch` in its environment. Resolves when the reporter
 * says that it came to its end; else this process ends as that one did.
 */
export async function runProgram(args, batch) {
  const env = { ...process.env, ASSAY_TESTS: JSON.stringify({ ...task, ...batch }) };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "inherit", "inherit", 3, "ipc"] });
  let ended = false;
  child.once("message", () => (ended = true));
  const [exitCode, signal] = await once(child, "close");
  if (ended) return;
  if (signal !== null) process.kill(process.pid, signal);
  process.exit(exitCode || 1);
}
