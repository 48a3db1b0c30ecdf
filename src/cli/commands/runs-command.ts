import { Option } from "commander";
import type { Command } from "commander";
import { runStates } from "../../contracts/index.ts";
import type { RunState, RunView } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { limitOption, printList } from "../lists.ts";
import type { ListOptions } from "../lists.ts";
import { agoText } from "../quantities.ts";
import { countsText } from "../run-summary.ts";
import { stateText } from "../state-words.ts";
import type { Style } from "../style.ts";

interface Options extends ConnectionOptions, ListOptions {
  state?: RunState;
  name?: string;
}

export function addRunsCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "runs", "list runs, the newest first"))
    .addOption(new Option("--state <state>", "only runs in this state").choices(runStates))
    .option("--name <name>", "only runs of this name")
    .addOption(limitOption())
    .action(
      cli.action<Options>(async (invocation) => {
        const client = await clientFor(invocation);
        const { state, name, limit } = invocation.options;
        const nowMs = cli.context.clock.nowMs();
        await printList(invocation.screen, "runs", {
          items: client.runs({ state, name }),
          limit,
          columns: [
            { header: "RUN" },
            { header: "NAME" },
            { header: "STATE" },
            { header: "STARTED" },
            { header: "TASKS" },
          ],
          row: (run) => runRow(run, invocation.screen.outStyle, nowMs),
        });
        return undefined;
      }),
    );
}

function runRow(run: RunView, style: Style, nowMs: number): string[] {
  const { run_id: runId, name, state, create_time: created, counts } = run;
  return [runId, name, stateText(style, state), agoText(created, nowMs), countsText(counts)];
}
