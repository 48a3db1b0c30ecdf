/*
 * SKELETON: copy this folder to add a kind of task.
 *
 *   1. Copy `src/executors/skeleton/` to `src/executors/<kind>/` and rename the class.
 *   2. `types`: the task types it answers. A new type is first added to `taskTypes` in `src/contracts/task.ts`.
 *   3. `capabilities`: what the machine must prove before the coordinator sends such tasks. Leave it out when nothing is needed.
 *   4. `execute`: do the work, stop when the signal fires, report.
 *   5. Add it to `createExecutors` in `src/executors/index.ts`, and test it as the test beside this file does. This one is not there:
 *      `src/executors/hardware/` runs tasks of type `hardware`, and a worker has one executor for a type.
 */
import type { JsonObject } from "../../base/index.ts";
import type { TaskSpec } from "../../contracts/index.ts";
import type { Platform } from "../../platform/index.ts";
import type { ExecutionContext, ExecutionReport, Executor, ExecutorCapabilities } from "../executor.ts";
import { abortReason, interruptedReport } from "../interruption.ts";

/** An example that could answer tasks of type `hardware`: measures the machine anew and reports the facts as the result. */
export class MachineFactsExecutor implements Executor {
  // SKELETON: the worker offers exactly these types to the coordinator.
  readonly types = ["hardware"] as const;
  private readonly platform: Platform;

  // SKELETON: what the executor needs is passed in, so that a test can pass something else.
  constructor(options: { platform: Platform }) {
    this.platform = options.platform;
  }

  // SKELETON: claim only what was tried. Code of this process runs on the processor, or it would not get here.
  capabilities(): Promise<ExecutorCapabilities> {
    return Promise.resolve({ hardware: ["cpu"], runtimes: [], software: {} });
  }

  async execute(_spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport> {
    // SKELETON: both are optional, and neither waits.
    context.log("stdout", "measuring the machine\n");
    context.progress({ fraction: 0 });

    const facts = await this.platform.facts();
    // SKELETON: after each wait, look whether the attempt was told to stop; pass `context.signal` on to what takes long.
    const stopped = abortReason(context.signal);
    if (stopped !== undefined) return interruptedReport(stopped);

    const load = await this.platform.load();
    return {
      status: "completed",
      // SKELETON: `results` is free JSON for people; numbers worth comparing over time are `metrics`, with a unit.
      results: { facts: JSON.parse(JSON.stringify(facts)) as JsonObject },
      metrics: [
        { name: "usable_cores", value: facts.cpu.usableCores, unit: "cores" },
        { name: "usable_memory_gb", value: facts.memory.usableBytes / 1e9, unit: "GB" },
        { name: "disk_free_gb", value: facts.diskFreeBytes / 1e9, unit: "GB" },
        { name: "gpus", value: facts.gpus.length, unit: "count" },
      ],
      hardwareMetrics: { cpu_utilization_percent: load.cpu_percent, memory_usage_mb: load.memory_used_gb * 1000 },
      hardware: "cpu",
      // SKELETON: say how the result is known to be real; `mock` and `simulated` are for the rest.
      provenance: {
        kind: "real",
        proven: true,
        evidence: [
          { check: "facts_measured", passed: true, detail: `read from the running system of ${facts.hostname}` },
        ],
      },
    };
  }
}
