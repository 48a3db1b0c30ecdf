import type { Command } from "commander";
import { assayError } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { harmless } from "../style.ts";

export function addUnmuteCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "unmute", "let muted tests fail runs again"))
    .argument("<tests...>", "ids of tests, in all suites, or of mutes")
    .action(
      cli.action<ConnectionOptions>(async (invocation) => {
        const { args, screen } = invocation;
        const client = await clientFor(invocation);
        const mutes = await client.mutes();
        const isMeant = (id: string) => (one: (typeof mutes)[number]) => one.test_id === id || one.mute_id === id;
        const missing = args.find((id) => !mutes.some(isMeant(id)));
        if (missing !== undefined)
          throw assayError("not_found", `no test ${missing} is muted`, { next: "`assay mutes --json` has the ids." });
        const unmuted = mutes.filter((one) => args.some((id) => isMeant(id)(one)));
        for (const { mute_id } of unmuted) await client.unmuteTest(mute_id);
        screen.result(() => unmuted.map(({ test_id }) => harmless(`unmuted ${test_id}`)), { unmuted });
        return undefined;
      }),
    );
}
