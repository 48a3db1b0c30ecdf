import { dirname } from "node:path";
import { pino } from "pino";
import type { Logger } from "pino";
import { makePrivateFolder } from "./data-folders.ts";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** A log as JSON lines in a file. */
export async function fileLogger(path: string): Promise<Logger> {
  await makePrivateFolder(dirname(path));
  return pino({ level: "info" }, pino.destination({ dest: path, sync: true, mode: 0o600 }));
}

/** A log as JSON lines on standard error: standard output is for results. */
export function stderrLogger(level: LogLevel): Logger {
  return pino({ level }, pino.destination({ dest: 2, sync: true }));
}
