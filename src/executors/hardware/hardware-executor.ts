import type { JsonObject } from "../../base/index.ts";
import { assert, errorMessage } from "../../base/index.ts";
import type {
  Failure,
  HardwareCheck,
  HardwareConfig,
  HardwareMeasure,
  Metric,
  TaskSpec,
} from "../../contracts/index.ts";
import { hardwareChecks, hardwareMeasures } from "../../contracts/index.ts";
import type { Platform } from "../../platform/index.ts";
import type { ExecutionContext, ExecutionReport, Executor, ExecutorCapabilities } from "../executor.ts";
import { abortReason, interruptedReport } from "../interruption.ts";
import type { CheckReport, SelfTestOptions } from "./self-tests.ts";
import { cpuCheck, diskCheck, gpuCheck, memoryCheck } from "./self-tests.ts";

const checks: Readonly<Record<HardwareCheck, (options: SelfTestOptions) => Promise<CheckReport>>> = {
  cpu: cpuCheck,
  memory: memoryCheck,
  disk: diskCheck,
  gpu: gpuCheck,
};

/** Runs tasks of type `hardware`: what the machine is, whether it works right, how fast it is, and whether that is as expected. */
export class HardwareExecutor implements Executor {
  readonly types = ["hardware"] as const;
  private readonly platform: Platform;

  constructor(options: { platform: Platform }) {
    this.platform = options.platform;
  }

  /** Code of this process runs on the processor, or it would not get here. */
  capabilities(): Promise<ExecutorCapabilities> {
    return Promise.resolve({ hardware: ["cpu"], runtimes: [], software: {} });
  }

  async execute(spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport> {
    assert(spec.type === "hardware", `a hardware executor was given a ${spec.type} task`);
    const { config } = spec;
    const facts = await this.platform.facts();
    const found = new Map<HardwareCheck, CheckReport>();
    const chosen = new Set(config.checks ?? hardwareChecks);
    for (const name of chosen) {
      context.log("stdout", `checking ${name}\n`);
      context.progress({ fraction: found.size / chosen.size, message: `checking ${name}` });
      const report = await checked(name, { config, facts, context });
      // Half a check tells nothing.
      const reason = abortReason(context.signal);
      if (reason !== undefined) return interruptedReport(reason);
      found.set(name, report);
    }
    const failures = failuresOf(config, found);
    for (const { message } of failures) context.log("stdout", `${message}\n`);
    const load = await this.platform.load();
    const evidence = [{ check: "measured_here", passed: true, detail: `on the running system of ${facts.hostname}` }];
    return {
      ...verdict(failures),
      results: {
        facts: JSON.parse(JSON.stringify(facts)) as JsonObject,
        checks: Object.fromEntries([...found].map(([name, report]) => [name, resultsOf(report)])),
      },
      metrics: [...found.values()].flatMap(metricsOf),
      hardwareMetrics: { cpu_utilization_percent: load.cpu_percent, memory_usage_mb: load.memory_used_gb * 1000 },
      hardware: "cpu",
      provenance: { kind: "real", proven: true, evidence },
    };
  }
}

/** A check that fails in its surroundings (no memory, a full disk) is one that could not be made. */
async function checked(name: HardwareCheck, options: SelfTestOptions): Promise<CheckReport> {
  try {
    return await checks[name](options);
  } catch (error) {
    const failure = { class: "setup", reason: `${name}_check`, message: `${name}: ${errorMessage(error)}` } as const;
    return { measures: {}, details: {}, failure };
  }
}

/** What is wrong with the hardware first, then what is out of its range, then what could not be tried. */
function failuresOf({ expect }: HardwareConfig, found: ReadonlyMap<HardwareCheck, CheckReport>): Failure[] {
  const own = [...found.values()].flatMap(({ failure }) => failure ?? []);
  const measured: CheckReport["measures"] = Object.assign({}, ...[...found.values()].map(({ measures }) => measures));
  const ranges = Object.keys(expect).flatMap((name) => rangeFailure(name as HardwareMeasure, { expect, measured }));
  const all = [...own, ...ranges];
  return [...all.filter(isSaidNo), ...all.filter((failure) => !isSaidNo(failure))];
}

const isSaidNo = ({ class: kind }: Failure): boolean => kind === "assertion";

function rangeFailure(
  name: HardwareMeasure,
  { expect, measured }: { expect: HardwareConfig["expect"]; measured: CheckReport["measures"] },
): Failure[] {
  const range = expect[name];
  if (range === undefined) return [];
  const value = measured[name];
  const { min = -Infinity, max = Infinity } = range;
  const wanted = [
    ...(range.min === undefined ? [] : [`at least ${range.min}`]),
    ...(range.max === undefined ? [] : [`at most ${range.max}`]),
  ].join(" and ");
  if (value === undefined) {
    return [{ class: "setup", reason: "not_measured", message: `${name} was not measured, expected ${wanted}` }];
  }
  if (value >= min && value <= max) return [];
  const message = `${name} is ${rounded(value)} ${hardwareMeasures[name]}, expected ${wanted}`;
  return [{ class: "assertion", reason: "out_of_range", message }];
}

function verdict(failures: readonly Failure[]): Pick<ExecutionReport, "status" | "failure"> {
  const [first] = failures;
  if (first === undefined) return { status: "completed" };
  return { status: "failed", failure: { ...first, message: failures.map(({ message }) => message).join("; ") } };
}

function resultsOf({ measures, details }: CheckReport): JsonObject {
  return { ...details, ...measures };
}

function metricsOf({ measures }: CheckReport): Metric[] {
  return (Object.entries(measures) as [HardwareMeasure, number][]).map(([name, value]) => ({
    name,
    value,
    unit: hardwareMeasures[name],
  }));
}

function rounded(value: number): string {
  return value.toPrecision(4).includes("e") ? value.toFixed(0) : value.toPrecision(4);
}
