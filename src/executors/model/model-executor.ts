import { errorMessage, systemClock } from "../../base/index.ts";
import type { Hardware, TaskSpec } from "../../contracts/index.ts";
import type { Platform, PlatformFacts, PowerWatch } from "../../platform/index.ts";
import type { ExecutionContext, ExecutionReport, Executor, ExecutorCapabilities, ProbeContext } from "../executor.ts";
import { capabilitiesOf, probeBackends, provenBackends } from "./backend-probe.ts";
import { backendFacts, machineBackendNames } from "./backends/backend-names.ts";
import type { BackendName } from "./backends/backend-names.ts";
import { backendsToTry } from "./backends-to-try.ts";
import type { BackendWish } from "./backends-to-try.ts";
import { headlessShell } from "./browser/headless-shell.ts";
import { conditionsOf, machineName } from "./conditions.ts";
import { runModel } from "./model-driver.ts";
import { notBegun } from "./model-run.ts";
import type { RunModel } from "./model-run.ts";
import { executeModelTask } from "./model-task.ts";
import { computesOnGpu, powerConditions, withPower } from "./power-use.ts";
import { RunnerPool } from "./runner-pool.ts";

/** What the inference process sees of the worker's environment: where programs, libraries, devices and certificates are. */
const PASSED_ON = new Set([
  "PATH",
  "HOME",
  "LANG",
  "TZ",
  "TMPDIR",
  "USER",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "NODE_EXTRA_CA_CERTS",
  "VIRTUAL_ENV",
  "PYTHONPATH",
]);
const PASSED_ON_PREFIXES = [
  ...["LC_", "LD_LIBRARY_", "DYLD_", "CUDA_", "NVIDIA_", "ORT_", "VK_", "SSL_CERT_"],
  // PyTorch's devices, and how its threads wait.
  ...["PYTORCH_", "HIP_", "ROCR_", "HSA_", "PJRT_", "XLA_", "TPU_", "OMP_", "MKL_", "KMP_"],
];

/** Chromium and the headless shell bring their own. */
const takesVulkanFromUs: ReadonlySet<BackendName> = new Set([
  "ort-node/webgpu",
  "transformers-js/webgpu",
  "firefox/webgpu",
]);

/** Runs tasks of type `model` and `benchmark`: real inference in a child process, checked against a reference. */
export class ModelExecutor implements Executor {
  readonly types = ["model", "benchmark"] as const;
  private readonly platform: Platform;
  private readonly runners = new RunnerPool(systemClock);
  private readonly wishes: readonly BackendWish[];
  /** What works here, as far as it was tried. */
  private proven: readonly BackendName[] = [];
  /** The machine as it was when the worker started. */
  private facts: PlatformFacts | undefined;
  /** Tasks under way. */
  private running = 0;

  /** `backends`: what to try besides what the machine suggests. */
  constructor({ platform, backends = [] }: { platform: Platform; backends?: readonly BackendWish[] | undefined }) {
    this.platform = platform;
    this.wishes = backends;
  }

  async capabilities(context: ProbeContext): Promise<ExecutorCapabilities> {
    this.facts = context.facts;
    const { cacheDir, facts } = context;
    const probes = await probeBackends(backendsToTry(facts, this.wishes), { cacheDir, run: this.runnerIn(context) });
    this.proven = provenBackends(probes);
    return capabilitiesOf(probes);
  }

  async execute(spec: TaskSpec, context: ExecutionContext): Promise<ExecutionReport> {
    const backend = this.backendOf(spec, context.hardware);
    const { facts } = this;
    const power = spec.type === "benchmark" ? await this.watchPower(backend) : undefined;
    const run = this.runnerIn(context);
    this.running += 1;
    const report = await executeModelTask(spec, context, {
      backend,
      machine: facts === undefined ? "" : machineName(facts),
      conditions: {
        ...(facts === undefined ? {} : conditionsOf(facts)),
        ...(spec.type === "benchmark" ? { power: powerConditions(power) } : {}),
      },
      run: power === undefined ? run : withPower(run, power),
    }).finally(() => {
      power?.stop();
      this.running -= 1;
    });
    // A next task is often like one that went well.
    if (backend !== undefined && report.status === "completed") await this.prepareFor(backend, context);
    return report;
  }

  /** GPUs count only where one computes. */
  private watchPower(backend: BackendName | undefined): Promise<PowerWatch> | undefined {
    if (backend === undefined) return undefined;
    const gpus = computesOnGpu(backendFacts[backend].hardware) ? (this.facts?.gpus ?? []) : null;
    return this.platform.watchPower?.({ gpus });
  }

  /** Starting a process would be noise to what is measured beside it, and what prevents it costs no result. */
  private async prepareFor(backend: BackendName, context: Pick<ExecutionContext, "env" | "cacheDir">): Promise<void> {
    try {
      const env = await this.environment(backend, context);
      if (this.running === 0) this.runners.prepare(env, backend);
    } catch {
      // The next task meets it as well, and tells.
    }
  }

  close(): void {
    this.runners.close();
  }

  /** Runs models in child processes of this one. */
  private runnerIn(context: Pick<ExecutionContext, "env" | "cacheDir" | "clock">): RunModel {
    return async (request, watch) => {
      let env: Record<string, string | undefined>;
      try {
        env = await this.environment(request.backend, context);
      } catch (error) {
        return notBegun({ class: "setup", message: errorMessage(error) });
      }
      const oomKills = (): number | undefined => this.platform.processes.oomKills();
      return runModel(request, { ...watch, env, clock: context.clock, runners: this.runners, oomKills });
    };
  }

  /** The backend that the task names, or the first that is proven to serve its platform. */
  private backendOf({ requirements }: TaskSpec, hardware: Hardware | null): BackendName | undefined {
    if (requirements.backend !== undefined) return machineBackendNames.find((name) => name === requirements.backend);
    const serves = (name: BackendName): boolean => backendFacts[name].hardware === (hardware ?? "cpu");
    return this.proven.find(serves) ?? machineBackendNames.find(serves);
  }

  /**
   * Without a GPU, Vulkan programs need to be told of the software that stands in for one. Throws what `headlessShell` throws: that
   * software comes with it.
   */
  private async environment(
    backend: BackendName,
    { env, cacheDir }: Pick<ExecutionContext, "env" | "cacheDir">,
  ): Promise<Record<string, string | undefined>> {
    const passed = inferenceEnvironment(env);
    const ownGpu = this.facts?.gpus.length !== 0;
    if (!takesVulkanFromUs.has(backend) || ownGpu || passed["VK_ICD_FILENAMES"] !== undefined) return passed;
    const shell = await headlessShell(cacheDir);
    if (shell === undefined) return passed;
    const libraries = [shell.folder, passed["LD_LIBRARY_PATH"]].filter((part) => part !== undefined).join(":");
    return { ...passed, VK_ICD_FILENAMES: shell.vulkanDriver, LD_LIBRARY_PATH: libraries };
  }
}

function inferenceEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const passes = (name: string): boolean =>
    PASSED_ON.has(name.toUpperCase()) || PASSED_ON_PREFIXES.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(Object.entries(env).filter(([name]) => passes(name)));
}
