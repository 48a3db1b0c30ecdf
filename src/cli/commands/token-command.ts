import { Option } from "commander";
import type { Command } from "commander";
import { role } from "../../contracts/index.ts";
import type { CreateTokenResponse, Role, TokenView } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { duration } from "../option-values.ts";
import { harmless } from "../style.ts";
import { renderTable } from "../table.ts";
import type { Column } from "../table.ts";

interface CreateOptions extends ConnectionOptions {
  role: Role;
  name?: string;
  expiresIn?: number;
}

const columns: readonly Column[] = [
  { header: "TOKEN" },
  { header: "NAME" },
  { header: "ROLE" },
  { header: "WORKER" },
  { header: "GOOD UNTIL" },
];

export function addTokenCommand(program: Command, cli: Cli): void {
  const tokens = program.command("token").description("make, list and revoke tokens").helpCommand(false);
  withConnection(cli.command(tokens, "create", "make a token; it is shown only now"))
    .addOption(new Option("--role <role>", "what its holder may do").choices(role.options).makeOptionMandatory())
    .option("--name <name>", "who holds it; default: the role")
    .option("--expires-in <time>", "how long it is good for, e.g. 30d; default: for ever", duration)
    .action(
      cli.action<CreateOptions>(async (invocation) => {
        const client = await clientFor(invocation);
        const { role: wanted, name = wanted, expiresIn } = invocation.options;
        const seconds = expiresIn === undefined ? null : expiresIn / 1000;
        const created = await client.createToken({ role: wanted, name, expires_in_seconds: seconds });
        invocation.screen.result(() => [created.token], created);
        if (!invocation.screen.json) invocation.screen.info(createdText(created));
        return undefined;
      }),
    );
  withConnection(
    cli.command(tokens, "list", "list the tokens that count, those of tabs and codes of assay join included"),
  ).action(
    cli.action<ConnectionOptions>(async (invocation) => {
      const client = await clientFor(invocation);
      const known = await client.tokens();
      const look = { style: invocation.screen.outStyle, width: invocation.screen.width };
      invocation.screen.result(() => renderTable(columns, known.map(tokenRow), look), { tokens: known });
      return undefined;
    }),
  );
  withConnection(cli.command(tokens, "revoke", "make a token worthless at once"))
    .argument("<id>", "id of the token, not the token itself")
    .action(
      cli.action<ConnectionOptions>(async (invocation) => {
        const client = await clientFor(invocation);
        const [tokenId = ""] = invocation.args;
        await client.revokeToken(tokenId);
        invocation.screen.result(() => [`revoked ${tokenId}`], { revoked: { token_id: tokenId } });
        return undefined;
      }),
    );
}

function tokenRow({ token_id: id, name, role: given, worker_id: worker, expires_at: end }: TokenView): string[] {
  return [id, harmless(name), given, worker ?? "", end ?? "revoked"];
}

/** For the terminal; the token alone is the result, so that a script can take it. */
function createdText({ token_id: id, role: given, name, expires_at: end }: CreateTokenResponse): string {
  return `token ${id} for ${name}, role ${given}, ${end === null ? "good until revoked" : `good until ${end}`}`;
}
