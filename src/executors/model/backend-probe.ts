import type { Hardware, RuntimeCapability } from "../../contracts/index.ts";
import type { ExecutorCapabilities } from "../executor.ts";
import { backendFacts } from "./backends/backend-names.ts";
import type { BackendName } from "./backends/backend-names.ts";
import type { ModelRunReport } from "./messages.ts";
import { modelProvenance } from "./model-provenance.ts";
import type { RunModel } from "./model-run.ts";

export interface ProbeOptions {
  readonly cacheDir: string;
  readonly run: RunModel;
}

/** A device that has given no answer by then gives none: some drivers hang. The runtime is loaded in that time, too. */
const LIMIT_MS = 180_000;

/** Whether a backend works here, with the evidence or the reason. */
export type BackendProbe = { readonly backend: BackendName } & (
  | { readonly available: true; readonly version: string; readonly device: string | null; readonly evidence: string }
  | { readonly available: false; readonly reason: string }
);

/**
 * Tries a backend by running a generated model on it and checking the numbers: runtimes list what they were compiled
 * with, not what works. Never rejects; what goes wrong is the reason.
 */
export async function probeBackend(backend: BackendName, { cacheDir, run }: ProbeOptions): Promise<BackendProbe> {
  const outcome = await run(
    {
      model: "tiny-bert",
      cacheDir,
      precision: "fp32",
      backend,
      batchSizes: [2],
      iterations: 1,
      minDurationMs: 0,
      warmupIterations: 0,
      sequenceLength: 16,
      seed: 0,
    },
    { signal: AbortSignal.timeout(LIMIT_MS) },
  );
  switch (outcome.status) {
    case "completed":
      return judge(backend, outcome.report);
    case "failed":
      return { backend, available: false, reason: `${outcome.failure.class}: ${outcome.failure.message}` };
    case "cancelled":
      return { backend, available: false, reason: `no answer within ${LIMIT_MS / 1000} s` };
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

/** One after the other: side by side they would slow each other down and could run a small machine out of memory. */
export async function probeBackends(
  backends: readonly BackendName[],
  options: ProbeOptions,
): Promise<readonly BackendProbe[]> {
  const probes: BackendProbe[] = [];
  for (const backend of backends) probes.push(await probeBackend(backend, options));
  return probes;
}

export function provenBackends(probes: readonly BackendProbe[]): BackendName[] {
  return probes.filter(({ available }) => available).map(({ backend }) => backend);
}

/** What the probes prove of an executor. */
export function capabilitiesOf(probes: readonly BackendProbe[]): ExecutorCapabilities {
  const working = probes.filter((probe) => probe.available);
  return {
    hardware: provenHardware(probes),
    runtimes: probes.map(runtimeCapabilityOf),
    software: Object.fromEntries(working.map(({ backend, version }) => [backendFacts[backend].runtime, version])),
  };
}
