import { fork } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MUTANTS } from "./mutants.ts";

/**
 * `npm run sim:mutants -- [--seeds N] [--events M] [--only TEXT]`: plants one bug after the other in the production code as it is
 * loaded, and runs seeds until an invariant notices. A bug that none of N seeds shows is a hole in the simulator.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    events: { type: "string", default: "2500" },
    only: { type: "string", default: "" },
  },
});
const CHILDREN = 2;
/** A mutant under which nothing ends is noticed too. */
const PATIENCE_MS = 300_000;

interface Verdict {
  killed: boolean;
  text: string;
}

function kill(index: number): Promise<Verdict> {
  const path = join(import.meta.dirname, "mutant-child.ts");
  const child = fork(path, [String(index), values.seeds, values.events], { silent: true, timeout: PATIENCE_MS });
  let planted = false;
  let text = "";
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.on("message", (message: { planted?: true; seed?: number; rule?: string; message?: string }) => {
    if (message.planted) planted = true;
    else text = `${message.rule?.padEnd(6)} seed ${String(message.seed).padEnd(5)} ${message.message?.slice(0, 100)}`;
  });
  return new Promise((resolve) => {
    child.on("exit", (code, signal) => {
      if (!planted) resolve({ killed: false, text: `not planted: ${errors.slice(0, 300)}` });
      else if (text !== "") resolve({ killed: true, text });
      else if (signal !== null) resolve({ killed: true, text: "hangs" });
      else if (code !== 0) resolve({ killed: true, text: `crash  ${errors.slice(0, 200)}` });
      else resolve({ killed: false, text: "SURVIVED" });
    });
  });
}

const wanted = MUTANTS.map((mutant, index) => ({ mutant, index })).filter(({ mutant }) =>
  mutant.name.includes(values.only),
);
const queue = [...wanted];
let alive = 0;
async function lane(): Promise<void> {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { killed, text } = await kill(next.index);
    if (!killed) alive += 1;
    console.log(`${next.mutant.name.padEnd(40)} ${text}`);
  }
}
await Promise.all(Array.from({ length: CHILDREN }, lane));
console.log(`${wanted.length - alive} of ${wanted.length} mutants were killed`);
process.exitCode = alive === 0 ? 0 : 1;
