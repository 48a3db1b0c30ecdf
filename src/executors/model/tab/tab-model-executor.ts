import type { Hardware, TaskSpec } from "../../../contracts/index.ts";
import type {
  ExecutionContext,
  ExecutionReport,
  Executor,
  ExecutorCapabilities,
  ProbeContext,
} from "../../executor.ts";
import { capabilitiesOf, probeBackends, provenBackends } from "../backend-probe.ts";
import { backendFacts, tabBackendNames } from "../backends/backend-names.ts";
import type { BackendName } from "../backends/backend-names.ts";
import { notBegun } from "../model-run.ts";
import type { RunModel } from "../model-run.ts";
import { executeModelTask } from "../model-task.ts";
import { pageObstacle } from "./page-obstacle.ts";
import { runInDedicatedWorker } from "./run-in-dedicated-worker.ts";
import type { DedicatedRunOptions } from "./run-in-dedicated-worker.ts";

/** Runs tasks of type `model` and `benchmark` in the browser that it is loaded in. */
export class TabModelExecutor implements Executor {
  readonly types = ["model", "benchmark"] as const;
  private readonly run: RunModel;
  private readonly engine: string;
  private proven: readonly BackendName[] = [];

  constructor(options: Pick<DedicatedRunOptions, "start" | "engine">) {
    this.engine = options.engine;
    this.run = (request, watch) => runInDedicatedWorker(request, { ...watch, ...options });
  }

  async capabilities({ cacheDir }: ProbeContext): Promise<ExecutorCapabilities> {
    const run: RunModel = async (request, watch) => {
      const obstacle = pageObstacle(request.backend);
      if (obstacle !== undefined) return notBegun({ class: "backend_unavailable", message: obstacle });
      return this.run(request, watch);
    };
    const probes = await probeBackends(tabBackendNames, { cacheDir, run });
    this.proven = provenBackends(probes);
    return capabilitiesOf(probes);
  }

  execute(spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport> {
    const backend = this.backendOf(spec, context.hardware);
    return executeModelTask(spec, context, { backend, machine: this.engine, conditions: {}, run: this.run });
  }

  private backendOf({ requirements }: TaskSpec, hardware: Hardware | null): BackendName | undefined {
    if (requirements.backend !== undefined) return this.proven.find((name) => name === requirements.backend);
    return this.proven.find((name) => backendFacts[name].hardware === (hardware ?? "wasm"));
  }
}
