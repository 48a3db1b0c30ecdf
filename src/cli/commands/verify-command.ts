import type { Command } from "commander";
import { createClient } from "../../client/index.ts";
import { dataFolder } from "../../coordinator/index.ts";
import { openSqliteFollower, verifyJournal } from "../../journal/index.ts";
import { withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import { findConnection } from "../connection.ts";
import type { ConnectionOptions } from "../connection.ts";
import { dataDirOf, requireData } from "../data-folders.ts";
import { exitCodes } from "../exit-codes.ts";
import type { ExitCode } from "../exit-codes.ts";
import { verdict } from "../state-words.ts";

export function addVerifyCommand(program: Command, cli: Cli): void {
  const summary = "check that the state equals its replay; without a coordinator, that the journal is unbroken";
  withConnection(cli.command(program, "verify", summary)).action(
    cli.action<ConnectionOptions>(async (invocation) => {
      const connection = await findConnection(invocation.options, invocation.context);
      if (connection === undefined) return verifyFolder(invocation);
      const hashes = await createClient(connection).stateHash();
      invocation.screen.result(() => {
        const text = `the state ${hashes.equal ? "equals" : "differs from"} the replay of its journal, at event ${hashes.seq}`;
        const head = verdict(invocation.screen.outStyle, hashes.equal, text);
        return [head, `  leader ${hashes.leader}`, `  replay ${hashes.replay}`];
      }, hashes);
      return hashes.equal ? exitCodes.ok : exitCodes.infrastructure;
    }),
  );
}

/** Throws `journal_broken` with the batch at fault. */
async function verifyFolder({ options, context, screen }: Invocation<ConnectionOptions>): Promise<ExitCode> {
  const dataDir = dataDirOf(options, context);
  const folder = dataFolder(dataDir).journal;
  await requireData(folder, "journal");
  const journal = await openSqliteFollower({ folder });
  try {
    const { batches, events } = await verifyJournal(journal);
    const text = `the journal of ${dataDir} is unbroken: ${events} events in ${batches} batches`;
    screen.result(() => [verdict(screen.outStyle, true, text)], { data_dir: dataDir, batches, events, unbroken: true });
    return exitCodes.ok;
  } finally {
    await journal.close();
  }
}
