import { Option } from "commander";
import type { Command } from "commander";
import { workerStates } from "../../contracts/index.ts";
import type { WorkerState, WorkerView } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { limitOption, printList } from "../lists.ts";
import type { ListOptions } from "../lists.ts";
import { measureText } from "../../reports/index.ts";
import { agoText } from "../quantities.ts";
import { stateText } from "../state-words.ts";
import { harmless } from "../style.ts";
import type { Style } from "../style.ts";
import type { Column } from "../table.ts";

interface Options extends ConnectionOptions, ListOptions {
  status?: WorkerState;
}

const columns: readonly Column[] = [
  { header: "WORKER" },
  { header: "NAME" },
  { header: "STATE" },
  { header: "SLOTS", align: "right" },
  { header: "SEEN" },
  { header: "HARDWARE" },
  { header: "POOLS" },
  { header: "CORES", align: "right" },
  { header: "MEMORY GB", align: "right" },
  { header: "HOST" },
  { header: "NOTE" },
];

export function addWorkersCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "workers", "list workers and what they proved about themselves"))
    .addOption(new Option("--status <state>", "only workers in this state").choices(workerStates))
    .addOption(limitOption())
    .action(
      cli.action<Options>(async (invocation) => {
        const client = await clientFor(invocation);
        const { status, limit } = invocation.options;
        const nowMs = cli.context.clock.nowMs();
        await printList(invocation.screen, "workers", {
          items: client.workers({ status }),
          limit,
          columns,
          row: (worker) => workerRow(worker, invocation.screen.outStyle, nowMs),
        });
        return undefined;
      }),
    );
}

function workerRow(worker: WorkerView, style: Style, nowMs: number): string[] {
  const { capabilities, last_heartbeat: seen } = worker;
  return [
    worker.worker_id,
    harmless(worker.name),
    stateText(style, worker.status),
    String(worker.slots),
    seen === null ? "" : agoText(seen, nowMs),
    capabilities.hardware.join(" "),
    capabilities.pools.join(" "),
    measureText(capabilities.cpu.cores),
    measureText(capabilities.memory_gb),
    harmless(worker.hostname),
    harmless(noteOf(worker)),
  ];
}

/** Why it gets no work although it is there. */
function noteOf({ status, quarantine, held_until: heldUntil }: WorkerView): string {
  if (quarantine) return quarantine.by === null ? quarantine.reason : `${quarantine.reason} (${quarantine.by})`;
  return status === "flapping" && heldUntil !== null ? `no new work until ${heldUntil}` : "";
}
