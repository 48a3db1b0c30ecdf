import type { Command } from "commander";
import type { MuteView } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { flakyText } from "../known-tests.ts";
import { agoText } from "../quantities.ts";
import { harmless } from "../style.ts";
import { renderTable } from "../table.ts";
import type { Column } from "../table.ts";

const columns: readonly Column[] = [
  { header: "OWNER" },
  { header: "MUTED" },
  { header: "UNTIL" },
  { header: "RAN", align: "right" },
  { header: "FLAKY", align: "right" },
  { header: "SUITE" },
  { header: "REASON" },
  { header: "TEST" },
];

export function addMutesCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "mutes", "list muted tests, and what they have shown since")).action(
    cli.action<ConnectionOptions>(async (invocation) => {
      const { screen, context } = invocation;
      const mutes = await (await clientFor(invocation)).mutes();
      const nowMs = context.clock.nowMs();
      const look = { style: screen.outStyle, width: screen.width };
      const table = (): string[] =>
        renderTable(
          columns,
          mutes.map((one) => muteRow(one, nowMs)),
          look,
        );
      screen.result(() => (mutes.length === 0 ? ["No test is muted."] : table()), { mutes });
      return undefined;
    }),
  );
}

function muteRow(
  { framework, directory, test_id, owner, reason, since, until, evidence }: MuteView,
  nowMs: number,
): string[] {
  return [
    harmless(owner),
    agoText(since, nowMs),
    until?.replace(/:\d\d\.\d+Z$/, "Z") ?? "",
    evidence.runs === 1 ? "once" : `${evidence.runs} times`,
    evidence.runs === 0 ? "" : flakyText(evidence.flaky_probability, evidence),
    directory === "." ? framework : `${framework} ${harmless(directory)}`,
    harmless(reason),
    harmless(test_id),
  ];
}
