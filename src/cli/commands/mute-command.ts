import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import type { Client } from "../../client/index.ts";
import { isoTime } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";
import type { FrameworkName, Mute } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { duration } from "../option-values.ts";
import { harmless } from "../style.ts";
import { frameworkOption } from "./discover-command.ts";

interface Options extends ConnectionOptions {
  reason: string;
  owner?: string;
  until?: string;
  for?: number;
  framework?: FrameworkName[];
  directory?: string;
}

interface Suite {
  framework: FrameworkName;
  directory: string;
}

const MAX_DAYS = 3_650;

export function addMuteCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "mute", "let tests fail no run until they are steady; they still run"))
    .argument("<tests...>", "ids, as `assay tests` shows them")
    .requiredOption("--reason <text>", "why")
    .option("--owner <name>", "who sees to it (default: who asks)")
    .addOption(new Option("--for <time>", "end it after so long, e.g. 14d").argParser(days).conflicts("until"))
    .option("--until <time>", "end it then, e.g. 2030-01-31 or 2030-01-31T12:00:00Z", moment)
    .addOption(frameworkOption())
    .option("--directory <folder>", "of the suite in its project; with --framework: also tests that never ran")
    .action(cli.action<Options>(muteTests));
}

async function muteTests(invocation: Invocation<Options>): Promise<undefined> {
  const { args, options, context, screen } = invocation;
  const client = await clientFor(invocation);
  const { reason, owner } = options;
  const until = options.until ?? (options.for === undefined ? null : isoTime(context.clock.nowMs() + options.for));
  // All are looked up before one is muted.
  const wanted: (Suite & { test_id: string })[] = [];
  for (const test_id of new Set(args))
    for (const suite of await suitesOf(client, test_id, options)) wanted.push({ ...suite, test_id });
  const mutes: Mute[] = [];
  for (const one of wanted) mutes.push(await client.muteTest({ ...one, reason, owner, until }));
  screen.result(() => mutes.map(muteLine), { mutes });
  return undefined;
}

/** The suites in which a test of this id ran, of those that are meant. */
async function suitesOf(client: Client, testId: string, { framework, directory }: Options): Promise<Suite[]> {
  const suites = new Map<string, Suite>();
  for await (const test of client.tests({ test_id: testId })) {
    if (framework !== undefined && !framework.includes(test.framework)) continue;
    if (directory !== undefined && directory !== test.directory) continue;
    suites.set(JSON.stringify([test.framework, test.directory]), test);
  }
  if (suites.size > 0)
    return [...suites.values()].map((test) => ({ framework: test.framework, directory: test.directory }));
  if (framework !== undefined && directory !== undefined)
    return framework.map((one) => ({ framework: one, directory }));
  throw assayError("not_found", `no test ${testId} has run`, {
    next: "`assay tests --json` has the ids; name --framework and --directory of one that never ran.",
  });
}

function muteLine({ framework, directory, test_id, owner, until }: Mute): string {
  const where = directory === "." ? framework : `${framework} in ${directory}`;
  return harmless(`muted ${test_id} (${where}), owner ${owner}${until === null ? "" : `, until ${until}`}`);
}

function days(text: string): number {
  const milliseconds = duration(text);
  if (milliseconds > MAX_DAYS * 86_400_000) throw new InvalidArgumentError(`It must be ${MAX_DAYS}d at most.`);
  return milliseconds;
}

/** A day, or a time in UTC. */
function moment(text: string): string {
  const milliseconds = /^\d{4}-\d{2}-\d{2}(T.*Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(milliseconds))
    throw new InvalidArgumentError("It must be a day or a time in UTC, like 2030-01-31 or 2030-01-31T12:00:00Z.");
  return isoTime(milliseconds);
}
