import type { Command } from "commander";
import type { ResultView } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { limitOption } from "../lists.ts";
import type { ListOptions } from "../lists.ts";
import { measurementLines, measurementsOf } from "../measurement-table.ts";
import { resultNotes } from "../result-notes.ts";

interface Options extends ConnectionOptions, ListOptions {
  model?: string;
  backend?: string;
  hardware?: string;
}

export function addResultsCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "results", "measurements of models, of all runs or of one"))
    .argument("[run]", "only results of this run")
    .option("--model <name>", "only of this model")
    .option("--backend <name>", "only on this backend")
    .option("--hardware <name>", "only on this platform")
    .addOption(limitOption())
    .action(
      cli.action<Options>(async (invocation) => {
        const client = await clientFor(invocation);
        const { screen, options } = invocation;
        const [runId] = invocation.args;
        const results: ResultView[] = [];
        for await (const result of client.results({
          run_id: runId,
          model: options.model,
          backend: options.backend,
          hardware: options.hardware,
        })) {
          if (results.length === options.limit) break;
          results.push(result);
        }
        const rows = measurementsOf(results.filter(({ model }) => model !== null));
        const look = { style: screen.outStyle, width: screen.width };
        screen.result(() => [...measurementLines(rows, look), ...resultNotes(results, look.style)], { results });
        if (rows.length === 0 && !screen.json) screen.info("no measurements");
        return undefined;
      }),
    );
}
