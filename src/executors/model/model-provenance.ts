import type { Provenance } from "../../contracts/index.ts";
import { backendFacts } from "./backends/backend-names.ts";
import { isHeavy, nodesOf } from "./backends/placement.ts";
import type { Placement } from "./backends/placement.ts";
import type { BatchReport, ModelRunReport } from "./messages.ts";

type ProvableReport = Pick<ModelRunReport, "load" | "generation" | "placement"> & {
  readonly batches: readonly CheckedBatch[];
};
type CheckedBatch = Pick<BatchReport, "check" | "recheck" | "latencyMs">;
type Evidence = Provenance["evidence"][number];

/**
 * How we know that a model run was real. `proven` needs outputs that match a reference, outputs of timed iterations that match those, and the
 * word of the profiler or the log that the requested provider did the work.
 */
export function modelProvenance(report: ProvableReport): Provenance {
  const { requested } = report.load.backend;
  const evidence = [
    outputEvidence(report.batches),
    recheckEvidence(report.batches),
    placementEvidence(report),
    ...generationEvidence(report),
    ...deviceEvidence(report),
    modelEvidence(report),
  ];
  return {
    kind: "real",
    proven: evidence.every((item) => item.passed),
    requested_backend: requested,
    observed_backend: observedBackend(report),
    evidence,
  };
}

function outputEvidence(batches: readonly CheckedBatch[]): Evidence {
  const check = "output_matches_reference";
  const compared = batches.reduce((sum, batch) => sum + batch.check.samplesCompared, 0);
  const [first] = batches;
  if (first === undefined || compared === 0) {
    return {
      check,
      passed: false,
      detail: "there is no reference for this model; its outputs are finite and not constant",
    };
  }
  const error = Math.max(...batches.map((batch) => batch.check.maxAbsError ?? 0));
  const detail =
    `output "${first.check.outputName}" of ${compared} samples within ${error.toExponential(1)} of the ` +
    `${first.check.reference} reference (allowed ${first.check.tolerance})`;
  return { check, passed: true, detail };
}

function recheckEvidence(batches: readonly CheckedBatch[]): Evidence {
  const checked = batches.reduce((sum, batch) => sum + batch.recheck.iterations, 0);
  const timed = batches.reduce((sum, batch) => sum + batch.latencyMs.count, 0);
  return {
    check: "timed_outputs_match",
    passed: checked > 0,
    detail: `outputs of ${checked} randomly chosen of ${timed} timed iterations match the checked ones`,
  };
}

/** The requested provider must run all the work: a runtime that gives its matrix products to another one has fallen back. */
function placementEvidence(report: ProvableReport): Evidence {
  const check = "work_on_requested_provider";
  const { requested, runtime } = report.load.backend;
  if (report.placement === null) return { check, passed: true, detail: `${runtime} has one provider here` };
  const wanted = backendFacts[requested].providerInProfile;
  const counts = sortedCounts(report.placement);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const nodes = counts.map(([provider, count]) => `${provider} ran ${count} of ${total} nodes`);
  const strayed = Object.entries(report.placement)
    .filter(([provider]) => provider !== wanted)
    .flatMap(([provider, operators]) =>
      Object.entries(operators)
        .filter(([operator]) => isHeavy(operator))
        .map(([operator, count]) => `${provider} ran ${count} of ${operator}`),
    );
  const detail = [...nodes, ...strayed].join(", ");
  return {
    check,
    passed: nodesOf(report.placement[wanted] ?? {}) > 0 && strayed.length === 0,
    detail: detail === "" ? "the profile names no provider" : detail,
  };
}

function generationEvidence(report: ProvableReport): Evidence[] {
  if (report.generation === null) return [];
  const { newTokens, cacheMatches } = report.generation;
  const detail = `${newTokens} tokens generated with the cache are those generated without`;
  return [{ check: "cache_matches", passed: cacheMatches, detail }];
}

/** Only said, not shown; but a runtime that names a software device has no reason to lie. */
function deviceEvidence({ load }: ProvableReport): Evidence[] {
  const { device } = load.backend;
  return device === null ? [] : [{ check: "device_named", passed: true, detail: device }];
}

function modelEvidence(report: ProvableReport): Evidence {
  const { model, backend } = report.load;
  const detail = `SHA-256 ${model.sha256}, ${backend.runtime} ${backend.runtimeVersion}, ${backend.engine}`;
  return { check: "model_and_runtime_known", passed: true, detail };
}

/** The provider that did the work, in our name where it is the requested one. */
function observedBackend(report: ProvableReport): string {
  const { requested } = report.load.backend;
  if (report.placement === null || placementEvidence(report).passed) return requested;
  const wanted = backendFacts[requested].providerInProfile;
  return sortedCounts(report.placement).find(([provider]) => provider !== wanted)?.[0] ?? requested;
}

function sortedCounts(placement: Placement): [provider: string, count: number][] {
  return Object.entries(placement)
    .map(([provider, operators]): [string, number] => [provider, nodesOf(operators)])
    .sort(([, a], [, b]) => b - a);
}
