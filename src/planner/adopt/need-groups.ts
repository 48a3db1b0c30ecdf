import { canonicalJson } from "../../base/index.ts";
import type { NeedFinding } from "../analysis/need-finding.ts";
import type { NeedyTest, TestNeeds } from "../tests/test-needs.ts";

/** Some of what a task may ask for. */
export type Needs = NeedFinding["needs"];
export type Evidence = NeedFinding["evidence"];

/** Tests that need the same of one kind and do not say so yet. */
export interface NeedGroup {
  /** One field of one of them: overrides with other fields add to it. */
  needs: Needs;
  /** Each with what shows it. */
  tests: Map<NeedyTest, Evidence[]>;
  /** Files of which all tests need it, by the evidence. */
  files: Set<string>;
  /** Markers that are the evidence. */
  markers: Set<string>;
}

/** What is only possible is shown and not written: a wrong need keeps a test from workers that could run it. */
export function isAdopted({ confidence }: NeedFinding): boolean {
  return confidence !== "possible";
}

export function needGroups(tests: readonly NeedyTest[], findings: readonly NeedFinding[]): NeedGroup[] {
  const scoped = Map.groupBy(findings.filter(isAdopted), ({ scope }) =>
    JSON.stringify(scope.testId === undefined ? [scope.file] : [scope.file, scope.testId]),
  );
  const groups = new Map<string, NeedGroup>();
  for (const test of tests) {
    const { id, file } = test.test;
    const own = [[file], [file, id]].flatMap((scope) => scoped.get(JSON.stringify(scope)) ?? []);
    for (const [field, value] of wanted(own)) {
      // What assay.yaml says stands, whatever was found.
      if (Object.hasOwn(test.needs[field.kind], field.name)) continue;
      const needs: Needs = { [field.kind]: { [field.name]: value } };
      const key = canonicalJson(needs);
      const group = groups.get(key) ?? { needs, tests: new Map(), files: new Set(), markers: new Set() };
      groups.set(key, group);
      const evidence = own.filter((finding) => hasField(finding.needs, field));
      group.tests.set(
        test,
        evidence.map((finding) => finding.evidence),
      );
      for (const one of evidence) note(group, one);
    }
  }
  return [...groups.values()];
}

/** A file says itself which libraries it loads, and few workers tell of all that they have: written down, it would keep tests from them. */
const LEFT_OUT: ReadonlySet<string> = new Set(["software"]);
const KINDS = ["requirements", "resources", "labels"] as const satisfies (keyof TestNeeds)[];
interface Field {
  kind: (typeof KINDS)[number];
  name: string;
}

function wanted(findings: readonly NeedFinding[]): [Field, unknown][] {
  const fields = new Map<string, [Field, unknown]>();
  for (const { needs } of findings) {
    for (const kind of KINDS) {
      for (const [name, value] of Object.entries(needs[kind] ?? {})) {
        if (LEFT_OUT.has(name)) continue;
        const before = fields.get(`${kind}.${name}`)?.[1];
        fields.set(`${kind}.${name}`, [{ kind, name }, before === undefined ? value : most(before, value)]);
      }
    }
  }
  return [...fields.values()];
}

/** Of platforms any will do; of numbers the largest counts. */
function most(a: unknown, b: unknown): unknown {
  if (Array.isArray(a) && Array.isArray(b)) return [...new Set([...(a as unknown[]), ...(b as unknown[])])];
  return typeof a === "number" && typeof b === "number" ? Math.max(a, b) : b;
}

function hasField(needs: Needs, { kind, name }: Field): boolean {
  return Object.hasOwn(needs[kind] ?? {}, name);
}

/** How markers of pytest and tags of Playwright stand in a text. */
const MARKERS = /\bmark\.(\w+)|(@[\w:.-]+)/g;

function note({ files, markers }: NeedGroup, { scope, kind, evidence: { text } }: NeedFinding): void {
  if (scope.testId === undefined) files.add(scope.file);
  if (kind !== "marker") return;
  for (const [, mark, tag] of text.replaceAll(/@(?=\w+\.)/g, "").matchAll(MARKERS)) markers.add(mark ?? tag ?? "");
}
