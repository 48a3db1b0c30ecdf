import { assayError } from "../../contracts/index.ts";
import { shellWord } from "../command-line.ts";

const isWindows = process.platform === "win32";

/**
 * A line for the shell with names, and the path of a report, in it. Error: discovery_failed for a name that cannot be written: `cmd.exe` of
 * Windows knows no way to write quotes, percent signs and ends of lines.
 */
export function shellLine(line: string, { tests, report = "", also = [] }: ShellWords): string {
  const filled = line.replaceAll(/\{(tests|report)\}/g, (_, what) =>
    what === "tests" ? tests.map(quoted).join(" ") : quoted(report),
  );
  return [filled, ...also.map(quoted)].join(" ");
}

export interface ShellWords {
  tests: readonly string[];
  report?: string;
  /** Added at the end. */
  also?: readonly string[];
}

/** What runs a line. */
export function shell(line: string): string[] {
  return isWindows ? ["cmd.exe", "/d", "/s", "/c", `"${line}"`] : ["/bin/sh", "-c", line];
}

function quoted(word: string): string {
  if (!isWindows) return shellWord(word);
  if (/["%\r\n]/.test(word))
    throw assayError("discovery_failed", `cmd.exe cannot be given the name ${JSON.stringify(word)}`);
  return `"${word}"`;
}
