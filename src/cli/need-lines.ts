import type { Confidence, NeedFinding, Needs } from "../planner/index.ts";
import { countText } from "./quantities.ts";
import { harmless } from "./style.ts";

const ORDER: readonly Confidence[] = ["certain", "likely", "possible"];

/** `cuda or rocm, torch, 16 GB`. */
export function needText({
  requirements = {},
  resources = {},
  labels = {},
}: Needs & Pick<NeedFinding["needs"], "labels">): string {
  const { hardware, software = [], min_memory_gb: memory, min_cuda_compute: compute } = requirements;
  return [
    ...(hardware === undefined ? [] : [hardware.join(" or ")]),
    ...software,
    ...(memory === undefined ? [] : [`${memory} GB of memory`]),
    ...(compute === undefined ? [] : [`compute capability ${compute}`]),
    ...(resources.gpu === undefined ? [] : [countText(resources.gpu, "GPU")]),
    ...Object.entries(labels).map(([key, value]) => `label ${key}=${value}`),
  ].join(", ");
}

/** What the text of tests says that they need: a line for each line that shows it, the surest first. */
export function needLines(findings: readonly NeedFinding[]): string[] {
  if (findings.length === 0) return [];
  const groups = Map.groupBy(findings, ({ confidence, needs, evidence: { file, line } }) =>
    JSON.stringify([confidence, needText(needs), file, line]),
  );
  const lines = [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { confidence, needs, evidence } = first;
    const ids = group.flatMap(({ scope }) => scope.testId ?? []);
    const whom =
      ids.length === 0 ? "all of the file" : ids.length === 1 ? (ids[0] ?? "") : countText(ids.length, "test");
    const where = `${harmless(evidence.file)}:${evidence.line}: ${harmless(evidence.text)}`;
    return [{ confidence, line: `    ${confidence.padEnd(8)}  ${needText(needs)}  ${harmless(whom)}  (${where})` }];
  });
  return [
    "  needs, by the text of the tests; what is certain is asked for by itself:",
    ...lines.toSorted((a, b) => ORDER.indexOf(a.confidence) - ORDER.indexOf(b.confidence)).map(({ line }) => line),
  ];
}

export function needDocument({ scope, needs, evidence, confidence, kind }: NeedFinding): unknown {
  return { scope: { file: scope.file, test_id: scope.testId ?? null }, needs, evidence, confidence, kind };
}
