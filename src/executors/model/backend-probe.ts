import type { Clock } from "../../base/index.ts";
import type { Hardware, RuntimeCapability } from "../../contracts/index.ts";
import { backendFacts } from "./backends/backend-names.ts";
import type { BackendName } from "./backends/backend-names.ts";
import type { ModelRunReport } from "./messages.ts";
import { runModel } from "./model-driver.ts";
import { modelProvenance } from "./model-provenance.ts";

export interface ProbeOptions {
  readonly cacheDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** Whether a backend works here, with the evidence or the reason. */
export type BackendProbe = { readonly backend: BackendName } & (
  | { readonly available: true; readonly version: string; readonly device: string | null; readonly evidence: string }
  | { readonly available: false; readonly reason: string }
);

/**
 * Tries a backend by running a generated model on it in a child process and checking the numbers: runtimes list what they were compiled
 * with, not what works. Never rejects; what goes wrong is the reason.
 */
export async function probeBackend(backend: BackendName, options: ProbeOptions): Promise<BackendProbe> {
  const outcome = await runModel(
    {
      model: "tiny-bert",
      cacheDir: options.cacheDir,
      precision: "fp32",
      backend,
      batchSizes: [2],
      iterations: 1,
      minDurationMs: 0,
      warmupIterations: 0,
      sequenceLength: 16,
      seed: 0,
    },
    options,
  );
  switch (outcome.status) {
    case "completed":
      return judge(backend, outcome.report);
    case "failed":
      return { backend, available: false, reason: `${outcome.failure.class}: ${outcome.failure.message}` };
    case "cancelled":
      return { backend, available: false, reason: "the probe was stopped before it had an answer" };
  }
}

/** A session that falls back silently gives right numbers on the wrong hardware: that is not available either. */
function judge(backend: BackendName, report: ModelRunReport): BackendProbe {
  const provenance = modelProvenance(report);
  const failed = provenance.evidence.find((item) => !item.passed);
  if (failed !== undefined) return { backend, available: false, reason: failed.detail };
  const evidence = provenance.evidence.map((item) => item.detail).join("; ");
  const { runtimeVersion: version, device } = report.load.backend;
  return { backend, available: true, version, device, evidence };
}

/** The probe as it stands in a worker's capabilities. */
export function runtimeCapabilityOf(probe: BackendProbe): RuntimeCapability {
  const { runtime, hardware } = backendFacts[probe.backend];
  const shared = { runtime, backend: probe.backend, hardware, available: probe.available };
  if (!probe.available) return { ...shared, detail: probe.reason.slice(0, 2_000) };
  const device = probe.device === null ? {} : { device: probe.device.slice(0, 300) };
  return { ...shared, ...device, version: probe.version, detail: probe.evidence.slice(0, 2_000) };
}

/** The platforms that at least one working backend proves. */
export function provenHardware(probes: readonly BackendProbe[]): Hardware[] {
  return [...new Set(probes.filter((probe) => probe.available).map((probe) => backendFacts[probe.backend].hardware))];
}
