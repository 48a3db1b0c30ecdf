import { Argument, InvalidArgumentError } from "commander";
import type { Command } from "commander";
import type { Client } from "../../client/index.ts";
import { assayError, shareKinds, shareRequest } from "../../contracts/index.ts";
import type { ShareKind, ShareView } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli, Invocation } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { idText } from "../option-values.ts";
import { measureText } from "../../reports/index.ts";
import { harmless } from "../style.ts";
import { renderTable } from "../table.ts";
import type { Column } from "../table.ts";

interface Options extends ConnectionOptions {
  weight?: number;
  maxRunning?: number | "none";
}

const columns: readonly Column[] = [
  { header: "KIND" },
  { header: "NAME" },
  { header: "WEIGHT", align: "right" },
  { header: "QUOTA", align: "right" },
  { header: "RUNNING", align: "right" },
  { header: "WAITING", align: "right" },
];

export function addSharesCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "shares", "show, or change, what part of the workers pools and users are due"))
    .addArgument(new Argument("[kind]", "whose share: a pool's, or a user's within each pool").choices(shareKinds))
    .argument("[name]", "name of the pool or user", idText)
    .option("--weight <number>", "pools, and users in a pool, get leases in proportion to it (default 1)", weight)
    .option("--max-running <count>", "most leases at the same time, or none for no limit", maxRunning)
    .action(cli.action<Options>(showShares));
}

async function showShares(invocation: Invocation<Options>): Promise<undefined> {
  const { args, options, screen } = invocation;
  const [kind, name] = args as readonly [ShareKind?, string?];
  const changes = options.weight !== undefined || options.maxRunning !== undefined;
  if (changes && (kind === undefined || name === undefined)) {
    throw assayError("usage", "whose share is to change is not said", {
      next: "Name it, for instance: assay shares pool default --weight 2",
    });
  }
  const client = await clientFor(invocation);
  const asked = (share: ShareView): boolean =>
    (kind === undefined || share.kind === kind) && (name === undefined || share.name === name);
  let shares = (await client.shares()).filter(asked);
  if (changes && kind !== undefined && name !== undefined)
    shares = [await change(client, { kind, name, known: shares[0] }, options)];
  const look = { style: screen.outStyle, width: screen.width };
  screen.result(() => renderTable(columns, shares.map(shareRow), look), { shares });
  return undefined;
}

/** What is not given stays as it is. */
function change(
  client: Client,
  share: { kind: ShareKind; name: string; known: ShareView | undefined },
  { weight: newWeight, maxRunning: newQuota }: Options,
): Promise<ShareView> {
  const { kind, name, known } = share;
  return client.setShare(kind, name, {
    weight: newWeight ?? known?.weight,
    max_running: newQuota === undefined ? known?.max_running : newQuota === "none" ? null : newQuota,
  });
}

function shareRow({ kind, name, weight: due, max_running: quota, running, waiting }: ShareView): string[] {
  return [
    kind,
    harmless(name),
    measureText(due),
    quota === null ? "none" : String(quota),
    String(running),
    String(waiting),
  ];
}

function weight(text: string): number {
  const { success, data } = shareRequest.shape.weight.safeParse(Number(text));
  if (text.trim() === "" || !success) throw new InvalidArgumentError("It must be a number from 0.001 to 1000.");
  return data;
}

function maxRunning(text: string): number | "none" {
  if (text === "none") return text;
  const { success, data } = shareRequest.shape.max_running.safeParse(Number(text));
  if (!/^\d+$/.test(text) || !success || data === null)
    throw new InvalidArgumentError("It must be a whole number from 1, or none.");
  return data;
}
