import { Option } from "commander";
import type { Command } from "commander";
import type { Client } from "../../client/index.ts";
import { testOutcomes } from "../../contracts/index.ts";
import type { KnownTest, LibraryState, TestOutcome, TestView } from "../../contracts/index.ts";
import { bad, good, out } from "../../reports/index.ts";
import type { StateWord } from "../../reports/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { limitOption, printList } from "../lists.ts";
import type { ListOptions } from "../lists.ts";
import { wholeNumber } from "../option-values.ts";
import { FLAKY_FROM, flakyText } from "../known-tests.ts";
import { outcomeText } from "../outcome-words.ts";
import { countText, durationText } from "../quantities.ts";
import { painted } from "../state-words.ts";
import { harmless } from "../style.ts";
import type { Style } from "../style.ts";

interface Options extends ConnectionOptions, ListOptions {
  outcome?: TestOutcome;
  slowest?: number;
  mocked?: boolean;
  flaky?: boolean;
}

type ListedTest = TestView & Partial<Pick<KnownTest, "flaky_probability" | "evidence">>;

const MOST_SLOWEST = 10_000;
/** Of one question to the coordinator. */
const MAX_ASKED = 10_000;

const libraryWords: Readonly<Record<LibraryState, StateWord>> = {
  real: good("real"),
  mocked: bad("mocked"),
  missing: out("missing"),
};

export function addTestsCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "tests", "what became of the tests of suites, of all runs or of one"))
    .argument("[run]", "only tests of this run")
    .addOption(new Option("--outcome <word>", "only tests that ended so").choices(testOutcomes))
    .option("--flaky", "only tests that are flaky, by what they did in all runs")
    .option("--mocked", "only tests that saw a stand-in for a watched library, or none")
    .option("--slowest <count>", "the slowest ones", wholeNumber(1, MOST_SLOWEST))
    .addOption(limitOption())
    .action(
      cli.action<Options>(async (invocation) => {
        const { options, screen } = invocation;
        const [runId] = invocation.args;
        const client = await clientFor(invocation);
        const style = screen.outStyle;
        const shown = await printList<ListedTest>(screen, "tests", {
          items: listed(client, options, runId),
          limit: options.limit,
          columns: [
            ...[{ header: "OUTCOME" }, { header: "TIME", align: "right" as const }],
            ...[{ header: "FLAKY", align: "right" as const }, { header: "LIBRARIES" }, { header: "TEST" }],
          ],
          row: (test) => testRow(test, style),
        });
        const muted = shown.filter((test) => test.muted).length;
        if (muted > 0)
          screen.info(`${countText(muted, "result")} of muted tests; \`assay mutes\` says who muted what, and why`);
        return undefined;
      }),
    );
}

async function* listed(client: Client, options: Options, runId: string | undefined): AsyncGenerator<ListedTest> {
  const { outcome, slowest, mocked, flaky } = options;
  const all = client.tests({ run_id: runId, outcome });
  if (slowest === undefined && flaky !== true) {
    for await (const test of all) if (mocked !== true || isMocked(test)) yield test;
    return;
  }
  let tests: ListedTest[] = [];
  for await (const test of all) if (mocked !== true || isMocked(test)) tests.push(test);
  if (flaky === true) tests = await flakyOf(client, tests);
  if (slowest !== undefined) tests = tests.sort((a, b) => b.duration_seconds - a.duration_seconds).slice(0, slowest);
  yield* tests;
}

function isMocked({ libraries }: TestView): boolean {
  return Object.values(libraries ?? {}).some((state) => state !== "real");
}

/** The last result of each flaky test, the most certain first. */
async function flakyOf(client: Client, tests: readonly TestView[]): Promise<ListedTest[]> {
  const suites = new Map<string, Map<string, TestView>>();
  for (const test of tests) {
    const key = JSON.stringify([test.framework, test.directory]);
    suites.set(key, (suites.get(key) ?? new Map<string, TestView>()).set(test.test_id, test));
  }
  const found: (ListedTest & { flaky_probability: number })[] = [];
  for (const byId of suites.values()) {
    const views = [...byId.values()];
    for (let start = 0; start < views.length; start += MAX_ASKED) {
      const part = views.slice(start, start + MAX_ASKED);
      const [first] = part;
      if (!first) continue;
      const { framework, directory } = first;
      const known = await client.knownTests({ framework, directory, test_ids: part.map(({ test_id }) => test_id) });
      for (const { test_id, flaky_probability, evidence } of known) {
        const test = byId.get(test_id);
        if (test && flaky_probability >= FLAKY_FROM) found.push({ ...test, flaky_probability, evidence });
      }
    }
  }
  return found.sort((a, b) => b.flaky_probability - a.flaky_probability);
}

function testRow(test: ListedTest, style: Style): string[] {
  const { flaky_probability: probability, evidence, libraries } = test;
  const seen = Object.entries(libraries ?? {}).map(
    ([name, state]) => `${harmless(name)} ${painted(style, libraryWords[state])}`,
  );
  return [
    outcomeText(style, { ...test, muted: test.muted ? true : undefined }),
    durationText(test.duration_seconds),
    probability === undefined || evidence === undefined ? "" : flakyText(probability, evidence),
    seen.join(", "),
    harmless(test.test_id),
  ];
}
