import { canonicalJson } from "../../base/index.ts";
import type { JsonValue } from "../../base/index.ts";
import type { NeedFinding } from "../analysis/need-finding.ts";
import type { NeedyTest, TestNeeds } from "../tests/test-needs.ts";

export type FoundNeeds = NeedFinding["needs"];
export type Evidence = NeedFinding["evidence"];

/** Tests that need the same and do not say so yet. */
export interface NeedGroup {
  /** What assay.yaml does not say of them. */
  needs: FoundNeeds;
  tests: NeedyTest[];
  /** Without repetitions, in the order in which it was found. */
  evidence: Evidence[];
  /** Files of which all tests need it, and ids that findings name. */
  scopes: Set<string>;
}

/** What is only possible is shown and not written: a wrong need keeps a test from workers that could run it. */
export function isAdopted({ confidence }: NeedFinding): boolean {
  return confidence !== "possible";
}

export function needGroups(tests: readonly NeedyTest[], findings: readonly NeedFinding[]): NeedGroup[] {
  const byFile = Map.groupBy(findings.filter(isAdopted), ({ scope }) => scope.file);
  const groups = new Map<string, NeedGroup>();
  for (const test of tests) {
    const own = (byFile.get(test.test.file) ?? []).filter(({ scope }) => isInScope(test.test.id, scope.testId));
    const needs = lacking(own.map((finding) => finding.needs).reduce(together, {}), test.needs);
    if (Object.keys(needs).length === 0) continue;
    const key = canonicalJson(needs as JsonValue);
    const group = groups.get(key) ?? { needs, tests: [], evidence: [], scopes: new Set() };
    groups.set(key, group);
    group.tests.push(test);
    for (const { scope, evidence } of own.filter((finding) => isPartOf(finding.needs, needs))) {
      group.scopes.add(scope.testId ?? scope.file);
      if (!group.evidence.some((one) => one.file === evidence.file && one.line === evidence.line)) {
        group.evidence.push(evidence);
      }
    }
  }
  return [...groups.values()];
}

/** A finding may name a test, or what holds it: a class, a block, a test with parameters. */
function isInScope(id: string, scope: string | undefined): boolean {
  return scope === undefined || id === scope || ["::", "[", " > "].some((joint) => id.startsWith(scope + joint));
}

type NeedRecord = Record<string, unknown>;
const KINDS = ["requirements", "resources", "labels"] as const;

/** Of platforms any will do; of all else the most that is asked for. */
function together(a: FoundNeeds, b: FoundNeeds): FoundNeeds {
  const merged: Record<string, NeedRecord> = {};
  for (const kind of KINDS) {
    const both: NeedRecord = { ...a[kind] };
    for (const [name, value] of Object.entries(b[kind] ?? {})) both[name] = merge(both[name], value);
    if (Object.keys(both).length > 0) merged[kind] = both;
  }
  return merged;
}

function merge(a: unknown, b: unknown): unknown {
  if (a === undefined) return b;
  if (Array.isArray(a) && Array.isArray(b)) return [...new Set([...(a as unknown[]), ...(b as unknown[])])];
  if (typeof a === "number" && typeof b === "number") return Math.max(a, b);
  if (isRecord(a) && isRecord(b)) return { ...a, ...b };
  return b;
}

/** What assay.yaml says stands, whatever was found. */
function lacking(found: FoundNeeds, said: TestNeeds): FoundNeeds {
  const rest: Record<string, NeedRecord> = {};
  for (const kind of KINDS) {
    const open = Object.entries(found[kind] ?? {}).filter(([name]) => !Object.hasOwn(said[kind], name));
    if (open.length > 0) rest[kind] = Object.fromEntries(open);
  }
  return rest;
}

function isPartOf(needs: FoundNeeds, of: FoundNeeds): boolean {
  return KINDS.some((kind) => Object.keys(needs[kind] ?? {}).some((name) => Object.hasOwn(of[kind] ?? {}, name)));
}

function isRecord(value: unknown): value is NeedRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
