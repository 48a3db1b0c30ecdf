import type { Command } from "commander";
import { createClient } from "../../client/index.ts";
import type { CreateJoinCodeInput } from "../../contracts/index.ts";
import { withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import { requireConnection } from "../connection.ts";
import type { ConnectionOptions } from "../connection.ts";

interface Options extends ConnectionOptions, CreateJoinCodeInput {}

const LOOPBACK = /^(localhost|127\..*|\[::1\])$/;

export function addJoinCommand(program: Command, cli: Cli): void {
  withConnection(
    cli.command(program, "join", "make a worker of a browser's tab, on any device: prints address and code"),
  )
    .option("--name <name>", "what people call the worker; default: made up")
    .option("--pool <name>", "take work of this pool (default: tabs)")
    .action(
      cli.action<Options>(async ({ context, screen, options }) => {
        const connection = await requireConnection(options, context);
        const { name, pool } = options;
        const { code, expires_at, ...worker } = await createClient(connection).createJoinCode({ name, pool });
        const page = new URL("/join", connection.baseUrl);
        // What follows the # stays in the browser: no server or proxy logs it.
        const address = `${page.href}#${code}`;
        // Loaded only here.
        const { renderUnicodeCompact } = await import("uqr");
        screen.result(
          () => [
            renderUnicodeCompact(address, { border: 2 }),
            `address  ${page.href}`,
            `code     ${code}, good once until ${expires_at}`,
            `worker   ${worker.name}, for runs of the pool ${worker.pool}`,
          ],
          { address, code, expires_at, ...worker },
        );
        const note = reachNote(page);
        if (note !== undefined) screen.info(note);
        return undefined;
      }),
    );
}

/** Why another device could not join at this address. */
function reachNote({ protocol, hostname }: URL): string | undefined {
  if (LOOPBACK.test(hostname))
    return "this address is good on this machine only; for others pass --coordinator https://ITS-NAME:PORT";
  if (protocol !== "https:") return "browsers refuse workers on http: serve with --tls-cert and --tls-key";
  return undefined;
}
