import { isoTime } from "../base/index.ts";
import { hasFactors, isPlaceFactor, modelOf, patternText, placeFactors, workFactors } from "../contracts/index.ts";
import type {
  AvoidanceAction,
  CapabilityDocument,
  FailurePattern,
  Factors,
  Hardware,
  PatternState,
  PatternView,
} from "../contracts/index.ts";
import type { SharedSpec } from "./compact-spec.ts";
import { fit } from "./match.ts";
import type { Fit } from "./match.ts";
import type { RequirementClass } from "./requirement-class.ts";
import type { Profile } from "./profile.ts";
import type { State, TimerEntry } from "./state.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The first time that a combination is avoided; twice as long after each trial that failed, up to a day. */
export const AVOID_MS = 15 * MINUTE_MS;
/** How long the other states last; what is only known, or over, is forgotten then. */
const STATE_MS: Record<Exclude<AvoidanceAction, "avoid">, number> = { try: DAY_MS, allow: 7 * DAY_MS, end: DAY_MS };
export const REMEMBER_PATTERN_MS = DAY_MS;
export const MAX_PATTERNS = 200;

/** What a pattern must show, so that placement does without its combination. */
const STRONG = { q: 0.01, attempts: 8, failures: 5, rate: 0.5, timesElsewhere: 3 };

/** A pattern and what is done about it. */
export interface PatternRecord {
  pattern: FailurePattern;
  state: PatternState;
  foundAtMs: number;
  sinceMs: number;
  /** The event that set the state: what was seen before it says nothing about it. */
  sinceSeq: number;
  untilMs: number;
  by: string;
  reason: string;
  /** How often it was avoided. */
  strikes: number;
  /** The lease that tries it again. */
  trial: number | null;
  /** Index: its factors, of the worker, of the work, and the platform. */
  readonly place: Factors;
  readonly work: Factors;
  readonly hardware: string | null;
  /** Index: the end of the state. */
  timer: TimerEntry | null;
}

export function newRecord(pattern: FailurePattern, atMs: number): PatternRecord {
  const entries = Object.entries(pattern.factors);
  const chosen = (by: (name: string) => boolean): Factors => Object.fromEntries(entries.filter(([name]) => by(name)));
  return {
    pattern,
    state: "warned",
    foundAtMs: atMs,
    sinceMs: atMs,
    sinceSeq: 0,
    untilMs: atMs + REMEMBER_PATTERN_MS,
    by: "scheduler",
    reason: "found",
    strikes: 0,
    trial: null,
    place: chosen((name) => isPlaceFactor(name) && name !== "hardware"),
    work: chosen((name) => !isPlaceFactor(name)),
    hardware: pattern.factors["hardware"] ?? null,
    timer: null,
  };
}

/** Whether another place would help, and the evidence is strong enough to act without being asked. */
export function isStrong(pattern: FailurePattern): boolean {
  const { failure, attempts, failures, attempts_elsewhere, failures_elsewhere, q, same_attempts } = pattern;
  const rate = failures / attempts;
  const elsewhere = failures_elsewhere / Math.max(1, attempts_elsewhere);
  return (
    failure !== "assertion" &&
    hasPlace(pattern) &&
    // When the same attempts are all that did some work, the work may be at fault.
    Object.keys(same_attempts).every(isPlaceFactor) &&
    q < STRONG.q &&
    attempts >= STRONG.attempts &&
    failures >= STRONG.failures &&
    rate >= STRONG.rate &&
    rate >= STRONG.timesElsewhere * elsewhere
  );
}

export function hasPlace({ factors }: FailurePattern): boolean {
  return Object.keys(factors).some(isPlaceFactor);
}

/** When a state that begins now ends by itself. */
export function untilMsOf(action: AvoidanceAction, record: { strikes: number } | undefined, nowMs: number): number {
  if (action !== "avoid") return nowMs + STATE_MS[action];
  return nowMs + Math.min(AVOID_MS * 2 ** (record?.strikes ?? 0), DAY_MS);
}

export const stateAfter: Record<AvoidanceAction, PatternState> = {
  avoid: "avoided",
  try: "probation",
  allow: "allowed",
  end: "ended",
};

/** While a record has one of these states, profiles and classes to which it applies carry its mark. */
export function isMarking({ state }: PatternRecord): boolean {
  return state === "avoided" || state === "probation";
}

/** Whether placement does without the combination now: in probation only while one task tries it. */
function isAvoiding({ state, trial }: PatternRecord): boolean {
  return state === "avoided" || (state === "probation" && trial !== null);
}

/** Records whose place a worker is, in an order that replay gives too. O(records in force). */
export function marksOfWorker(state: State, workerId: string, capabilities: CapabilityDocument): PatternRecord[] {
  if (state.marking.size === 0) return NO_MARKS;
  const present = placeFactors(workerId, capabilities);
  return [...state.marking].filter(({ place }) => hasFactors(present, place)).sort(byId);
}

const NO_MARKS: PatternRecord[] = [];

function byId(a: PatternRecord, b: PatternRecord): number {
  return a.pattern.pattern_id < b.pattern.pattern_id ? -1 : 1;
}

export function isOnWorker(record: PatternRecord, workerId: string, capabilities: CapabilityDocument): boolean {
  return hasFactors(placeFactors(workerId, capabilities), record.place);
}

export function isOfWork({ work }: PatternRecord, spec: SharedSpec): boolean {
  return hasFactors(workFactors(spec.type, modelOf(spec)), work);
}

/** Ids of the records that look at what a task does, and mean this task; undefined for none. O(records in force). */
export function marksOfWork(state: State, spec: SharedSpec): string[] | undefined {
  if (state.marking.size === 0) return undefined;
  const ids: string[] = [];
  for (const record of state.marking)
    if (Object.keys(record.work).length > 0 && isOfWork(record, spec)) ids.push(record.pattern.pattern_id);
  return ids.length === 0 ? undefined : ids.sort();
}

/** Whether a record speaks of tasks of a class on workers of a profile, on a platform. */
export function concerns(
  record: PatternRecord,
  one: RequirementClass,
  at: { profile: Profile; hardware: Hardware | null },
): boolean {
  if (!at.profile.marks.includes(record)) return false;
  if (record.hardware !== null && record.hardware !== at.hardware) return false;
  for (const _name in record.work) return one.needs.marks?.includes(record.pattern.pattern_id) === true;
  return true;
}

export interface Admission {
  readonly fit: Extract<Fit, { fits: true }>;
  /** Why it is avoided; null when it is not. */
  readonly avoidedBy: PatternRecord | null;
}

/** How a profile fits a class; another of its platforms is taken when only the preferred one is avoided. */
export function admissionOf(one: RequirementClass, profile: Profile): Admission | null {
  const { needs } = one;
  const first = fit(needs, profile.capabilities);
  if (!first.fits) return null;
  const without = new Set<string>();
  let now: Fit = first;
  let avoidedBy: PatternRecord | null = null;
  while (now.fits) {
    const { hardware } = now;
    const record = profile.marks.find((mark) => isAvoiding(mark) && concerns(mark, one, { profile, hardware }));
    if (!record) return { fit: now, avoidedBy: null };
    avoidedBy ??= record;
    if (hardware === null || record.hardware === null) break;
    without.add(hardware);
    const alternatives = needs.alternatives.map((set) => ({
      ...set,
      hardware: set.hardware?.filter((platform) => !without.has(platform)),
    }));
    now = fit({ ...needs, alternatives }, profile.capabilities);
  }
  return { fit: first, avoidedBy };
}

/** The evidence in one sentence. */
export function evidenceText({ pattern }: PatternRecord): string {
  return `${patternText(pattern)}; q ${pattern.q.toPrecision(2)}`;
}

/** All patterns that are known, the newest first. */
export function patternsOf(state: State): PatternView[] {
  return [...state.patterns.values()]
    .map((record) => ({
      ...record.pattern,
      state: record.state,
      found_at: isoTime(record.foundAtMs),
      since: isoTime(record.sinceMs),
      until: isoTime(record.untilMs),
      by: record.by,
      reason: record.reason,
    }))
    .reverse();
}
