/**
 * cli: the `assay` command. One file per command under `commands/`; what they share lies beside this file. The only reader of
 * arguments and environment.
 *
 * Never: rules about what runs where, what a result means, or how it is stored. Results go to standard output, all else to
 * standard error.
 * May enter: nobody; this is where the process begins.
 */
import { enableCompileCache } from "node:module";
import { systemClock } from "../base/index.ts";
import { processInterrupts } from "./interrupts.ts";

// Half of a start is the compilation of what was compiled before: the rest is loaded only when Node remembers it.
enableCompileCache();
const { runCli } = await import("./run-cli.ts");

// A reader that went away (`assay runs | head`) has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const interrupts = processInterrupts(process, (code) => process.exit(code));
process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  platform: process.platform,
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  interrupts,
});
interrupts[Symbol.dispose]();
