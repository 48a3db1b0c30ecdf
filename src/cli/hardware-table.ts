import type { Machine } from "./local-machine.ts";
import { measureText } from "../reports/index.ts";
import { verdict } from "./state-words.ts";
import { harmless } from "./style.ts";
import type { Style } from "./style.ts";
import { renderTable } from "./table.ts";

const columns = [
  { header: "PLATFORM" },
  { header: "BACKEND" },
  { header: "RUNTIME" },
  { header: "STATE" },
  { header: "WHY" },
];

/** What a machine is, and which platforms it proved by running a model on them. */
export function hardwareLines(machine: Machine, look: { style: Style; width?: number | undefined }): string[] {
  const { os, cpu, gpus } = machine;
  const container = machine.container === undefined ? "" : `, in ${machine.container}`;
  const runtimes = machine.runtimes.map((runtime) => [
    runtime.hardware,
    harmless(runtime.backend),
    [runtime.runtime, runtime.version].filter((part) => part !== undefined).join(" "),
    verdict(look.style, runtime.available, runtime.available ? "proven" : "not proven"),
    harmless(runtime.detail),
  ]);
  return [
    `machine  ${harmless(machine.hostname)}, ${os.name ?? os.platform} (${os.platform} ${os.release}, ${os.arch})${container}`,
    `cpu      ${harmless(cpu.model)}, ${measureText(cpu.cores)} usable cores of ${cpu.threads} threads`,
    `memory   ${measureText(machine.memory_gb)} GB usable`,
    `disk     ${measureText(machine.disk_free_gb)} GB free`,
    ...gpus.map((gpu) => `gpu ${gpu.index}    ${harmless(`${gpu.vendor} ${gpu.name}`)}${memoryText(gpu.memory_gb)}`),
    ...(gpus.length === 0 ? ["gpu      none found"] : []),
    "",
    ...renderTable(columns, runtimes, look),
  ];
}

function memoryText(gigabytes: number | undefined): string {
  return gigabytes === undefined ? "" : `, ${measureText(gigabytes)} GB`;
}
