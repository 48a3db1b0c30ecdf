import { z } from "zod";
import { machineClassOf } from "./capability.ts";
import type { CapabilityDocument } from "./capability.ts";
import { failureClasses } from "./result.ts";
import { identifier } from "./task.ts";

/**
 * What is known of an attempt that could have to do with its end, as names with values. Of the place: `worker`, `hardware`,
 * `machine_class`, `software.NAME`; of the work: `type`, `model`, `model_family`.
 */
export const factors = z.record(z.string().max(300), z.string().max(1_000));
export type Factors = Readonly<Record<string, string>>;

/** How many factors make one pattern at most. */
export const MAX_PATTERN_FACTORS = 3;

const workFactorNames: ReadonlySet<string> = new Set(["type", "model", "model_family"]);

/** Whether a factor says where an attempt ran, and not what it did. */
export function isPlaceFactor(name: string): boolean {
  return !workFactorNames.has(name);
}

/** Whether all that is wanted is present, with the same values. */
export function hasFactors(present: Factors, wanted: Factors): boolean {
  for (const name in wanted) if (present[name] !== wanted[name]) return false;
  return true;
}

/** The factors of a worker; `hardware` is an attempt's. */
export function placeFactors(
  workerId: string,
  capabilities: Pick<CapabilityDocument, "cpu" | "gpus" | "software">,
): Factors {
  const software = Object.entries(capabilities.software).map(([name, version]) => [`software.${name}`, version]);
  return { worker: workerId, machine_class: machineClassOf(capabilities), ...Object.fromEntries(software) };
}

/** The factors of what a task does. The family is the first word of a model's name: `bert` of `org/bert-base-uncased`. */
export function workFactors(type: string, model: string | null): Factors {
  if (model === null) return { type };
  const family = /^[a-z]+/i.exec(model.slice(model.lastIndexOf("/") + 1))?.[0].toLowerCase();
  return { type, model, ...(family === undefined ? {} : { model_family: family }) };
}

/** A combination of factors under which attempts fail more often than elsewhere, by more than chance. */
export const failurePattern = z.strictObject({
  pattern_id: identifier,
  failure: z
    .enum(["infrastructure", ...failureClasses])
    .describe("What happens more often: one class of failure, or any class but assertion"),
  factors: factors.describe("All of them apply to the attempts of the pattern"),
  same_attempts: factors.describe("Other factors of exactly the same attempts: the data cannot tell them apart"),
  attempts: z.int(),
  failures: z.int(),
  attempts_elsewhere: z.int(),
  failures_elsewhere: z.int(),
  p: z.number().describe("Exact test, stratified by work or by worker"),
  q: z.number().describe("p adjusted for all hypotheses of the same look (Benjamini-Hochberg)"),
  odds_ratio: z.number(),
  odds_ratio_low: z.number().describe("Lower end of its interval of 95 %"),
  odds_ratio_high: z.number(),
  examples: z.array(z.strictObject({ run_id: z.string(), task_id: z.string(), attempt: z.int() })),
});
export type FailurePattern = z.infer<typeof failurePattern>;

/** What was seen, in one sentence. */
export function patternText(pattern: FailurePattern): string {
  const {
    pattern_id,
    factors: combined,
    failure,
    failures,
    attempts,
    failures_elsewhere,
    attempts_elsewhere,
  } = pattern;
  const where = Object.entries(combined).map(([name, value]) => `${name} ${value}`);
  return (
    `pattern ${pattern_id}: ${failures} of ${attempts} attempts failed (${failure}) with ${where.join(", ")}; ` +
    `${failures_elsewhere} of ${attempts_elsewhere} elsewhere`
  );
}

/**
 * What is done about a pattern: only told (`warned`), its combination is left out of placement (`avoided`), one task tries it
 * again (`probation`), a person lets it be (`allowed`), it is over (`ended`).
 */
export const patternStates = ["warned", "avoided", "probation", "allowed", "ended"] as const;
export type PatternState = (typeof patternStates)[number];

export const patternView = failurePattern.extend({
  state: z.enum(patternStates),
  found_at: z.iso.datetime(),
  since: z.iso.datetime().describe("Of the state"),
  until: z.iso.datetime().describe("When the state ends by itself"),
  by: z.string().describe("Who decided the state"),
  reason: z.string(),
});
export type PatternView = z.infer<typeof patternView>;
export const patternsResponse = z.strictObject({ items: z.array(patternView) });
export type PatternsResponse = z.infer<typeof patternsResponse>;

export const patternRequest = z.strictObject({
  action: z.enum(["avoid", "allow"]),
  reason: z.string().max(500).default("asked by a person"),
});
export type PatternRequest = z.infer<typeof patternRequest>;
export type PatternRequestInput = z.input<typeof patternRequest>;
