import { Argument } from "commander";
import type { Command } from "commander";
import { assayError } from "../../contracts/index.ts";
import type { PatternView } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { idText } from "../option-values.ts";
import { harmless } from "../style.ts";
import { renderTable } from "../table.ts";
import type { Column } from "../table.ts";
import { workerNames } from "../worker-names.ts";

interface Options extends ConnectionOptions {
  reason?: string;
}

const columns: readonly Column[] = [
  { header: "PATTERN" },
  { header: "STATE" },
  { header: "FAILURE" },
  { header: "FAILED", align: "right" },
  { header: "ELSEWHERE", align: "right" },
  { header: "Q", align: "right" },
  { header: "WITH" },
];

const actions = ["avoid", "allow"] as const;

export function addPatternsCommand(program: Command, cli: Cli): void {
  withConnection(
    cli.command(program, "patterns", "show what fails more often than chance, or decide what is done about it"),
  )
    .addArgument(
      new Argument("[action]", "leave a pattern's combination out of placement, or let it be").choices(actions),
    )
    .argument("[id]", "the pattern", idText)
    .option("--reason <text>", "why, for the journal")
    .action(cli.action<Options>(showPatterns));
}

async function showPatterns(invocation: Invocation<Options>): Promise<undefined> {
  const { args, options, screen } = invocation;
  const [action, id] = args as readonly [(typeof actions)[number]?, string?];
  if (action !== undefined && id === undefined) {
    throw assayError("usage", "which pattern is meant is not said", {
      next: `Name it, for instance: assay patterns ${action} p0123abcd`,
    });
  }
  const client = await clientFor(invocation);
  const patterns =
    action === undefined || id === undefined
      ? await client.patterns()
      : [await client.setPattern(id, { action, ...(options.reason === undefined ? {} : { reason: options.reason }) })];
  const names = await workerNames(client);
  const look = { style: screen.outStyle, width: screen.width };
  screen.result(
    () =>
      patterns.length === 0
        ? ["Nothing fails more often than chance explains."]
        : renderTable(
            columns,
            patterns.map((pattern) => patternRow(pattern, names)),
            look,
          ),
    { patterns },
  );
  return undefined;
}

function patternRow(pattern: PatternView, names: ReadonlyMap<string, string>): string[] {
  const { pattern_id, state, failure, failures, attempts, failures_elsewhere, attempts_elsewhere, q, factors } =
    pattern;
  const where = Object.entries(factors).map(
    ([name, value]) => `${name} ${name === "worker" ? (names.get(value) ?? value) : value}`,
  );
  return [
    pattern_id,
    state,
    failure,
    `${failures}/${attempts}`,
    `${failures_elsewhere}/${attempts_elsewhere}`,
    q.toPrecision(2),
    harmless(where.join(", ")),
  ];
}
