import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { systemClock } from "../../base/index.ts";
import { exitCodes } from "../exit-codes.ts";
import { runCli } from "../run-cli.ts";

/** Runs a command against what stands for a coordinator; what it prints goes to `print`. */
export function askAt(server: Server, command: readonly string[], print: (part: string) => void): Promise<number> {
  const coordinator = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return runCli([...command, "--coordinator", coordinator, "--token", "secret"], {
    env: {},
    cwd: tmpdir(),
    platform: "linux",
    stdout: { write: print },
    stderr: { write: () => true },
    clock: systemClock,
    interrupts: { signal: new AbortController().signal, exitCode: exitCodes.interrupted },
  });
}
