import type { Command } from "commander";
import { dataFolder, rebuildResults } from "../../coordinator/index.ts";
import type { Cli } from "../cli.ts";
import { dataDirOf, requireData } from "../data-folders.ts";
import { exitCodes } from "../exit-codes.ts";
import { verdict } from "../state-words.ts";

export function addRebuildCommand(program: Command, cli: Cli): void {
  const summary = "make the results of a stopped coordinator anew from its journal";
  cli
    .command(program, "rebuild", summary)
    .option("--data-dir <folder>", "the coordinator's data folder (default: .assay)")
    .action(
      cli.action<{ dataDir?: string }>(async ({ options, context, screen }) => {
        const dataDir = dataDirOf(options, context);
        await requireData(dataFolder(dataDir).journal, "journal");
        const { events, batches } = await rebuildResults(dataDir);
        const text = `the results of ${dataDir} were made anew: ${events} events in ${batches} batches`;
        screen.result(() => [verdict(screen.outStyle, true, text)], { data_dir: dataDir, events, batches });
        return exitCodes.ok;
      }),
    );
}
