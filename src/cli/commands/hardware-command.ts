import type { Command } from "commander";
import type { BackendWish } from "../../executors/index.ts";
import { backendsOption } from "../backends-option.ts";
import type { Cli } from "../cli.ts";
import { dataDirOf } from "../data-folders.ts";
import { hardwareLines } from "../hardware-table.ts";
import { measureMachine } from "../local-machine.ts";
import { stderrLogger } from "../loggers.ts";

interface Options {
  dataDir?: string;
  backends?: BackendWish[];
}

export function addHardwareCommand(program: Command, cli: Cli): void {
  cli
    .command(program, "hardware", "measure this machine: which platforms it proves, which not and why")
    .option("--data-dir <folder>", "folder for generated models (ASSAY_DATA_DIR; default .assay)")
    .addOption(backendsOption())
    .action(
      cli.action<Options>(async ({ context, screen, options }) => {
        screen.info("trying each platform with a small model");
        const machine = await measureMachine(dataDirOf(options, context), {
          context,
          logger: stderrLogger("warn"),
          backends: options.backends,
        });
        screen.result(() => hardwareLines(machine, { style: screen.outStyle, width: screen.width }), machine);
        return undefined;
      }),
    );
}
