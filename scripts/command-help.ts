// What the command line says about itself: its commands and flags, read from `--help`.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface CommandHelp {
  commands: Set<string>;
  flags: Set<string>;
}

/** Answers the help of a command path such as `["journal", "verify"]`; the empty path is the program itself. */
export type HelpReader = (path: readonly string[]) => Promise<CommandHelp>;

const HELP_TIMEOUT_MS = 30_000;

/** Runs `node main --help` and its like, each path once. Rejects when the program cannot print its help. */
export function helpReader(main: string): HelpReader {
  const known = new Map<string, Promise<CommandHelp>>();
  return (path) => {
    const key = path.join(" ");
    const help = known.get(key) ?? readHelp(main, path);
    known.set(key, help);
    return help;
  };
}

async function readHelp(main: string, path: readonly string[]): Promise<CommandHelp> {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [main, ...path, "--help"], { timeout: HELP_TIMEOUT_MS });
  return parseHelp(stdout);
}

/** Reads Commander's layout: headings at the margin, terms indented by two, wrapped descriptions further in. */
export function parseHelp(text: string): CommandHelp {
  const help: CommandHelp = { commands: new Set(), flags: new Set() };
  let heading = "";
  for (const line of text.split("\n")) {
    if (/^\S.*:/.test(line)) heading = line;
    const term = /^ {2}(\S.*?)(?: {2,}|$)/.exec(line)?.[1];
    if (term === undefined) continue;
    if (term.startsWith("-")) for (const [flag] of term.matchAll(/--[\w-]+/g)) help.flags.add(flag);
    else if (!/^(Usage|Arguments):/.test(heading)) addCommand(help.commands, term);
  }
  return help;
}

function addCommand(commands: Set<string>, term: string): void {
  const [names = ""] = term.split(" ");
  for (const name of names.split("|")) if (/^[a-z][\w-]*$/.test(name)) commands.add(name);
}
