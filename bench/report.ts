import { cpus, release, totalmem } from "node:os";

/** Prints figures for people and, with `--json`, as the one object of the last line. */
export function report(bench: string, figures: Record<string, number>): void {
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(32)} ${value}`);
  if (!process.argv.includes("--json")) return;
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
  console.log(JSON.stringify({ bench, machine, date: new Date().toISOString(), figures }));
}
