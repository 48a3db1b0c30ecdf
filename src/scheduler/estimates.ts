import { hashText } from "../base/index.ts";
import { modelOf } from "../contracts/index.ts";
import type { Hardware, SuiteConfig } from "../contracts/index.ts";
import { quantile } from "../stats/index.ts";
import type { SharedSpec } from "./compact-spec.ts";

/** How many durations of a piece of work on a kind of machine are remembered: their median is a mean that one outlier cannot move. */
const RECENT = 5;
/** How many pieces of work are remembered, the longest unused forgotten first. */
const MAX_KEYS = 50_000;
/** Variances of logarithms: of a duration that is known exactly; of what is not known at all. */
const NOISE = 0.01;
const UNKNOWN = 1;
/** Of a duration that somebody said: it may come from other machines, or from before the work changed. */
const SAID = 0.25;
/** How much more uncertain an estimate becomes with each observation, so that it follows what changes. */
const WORK_DRIFT = 0.005;
const SPEED_DRIFT = 0.0002;
/** Standard deviations that one observation counts for at most. */
const OUTLIER = 3;

/** What is believed of a natural logarithm. */
interface Belief {
  mean: number;
  variance: number;
}

interface WorkEstimate {
  /** The logarithm of its duration in milliseconds on a machine of speed 1. */
  readonly size: Belief;
  /** The latest durations by kind of machine, and their median. */
  readonly recent: Record<string, { last: number[]; median: number }>;
}

/**
 * What is known of durations. A piece of work has a size and a kind of machine has a speed: `ln duration = size - speed`. Each
 * observation moves both by their parts of the uncertainty (a scalar Kalman filter), so a new machine is learned in a few
 * attempts and a well known one hardly moves. Where the very work was seen on the very kind of machine, the median of its latest
 * durations counts instead.
 */
export interface Estimates {
  readonly work: Map<number, WorkEstimate>;
  readonly speeds: Map<string, Belief>;
}

export function emptyEstimates(): Estimates {
  return { work: new Map(), speeds: new Map() };
}

/** How long the tasks of a run are: what is expected of those that were never seen. */
export interface Lengths extends Belief {
  count: number;
}

export function emptyLengths(): Lengths {
  return { count: 0, mean: 0, variance: 0 };
}

/** So many tasks of a run must have ended before they say something of the others. */
const LEAST_LENGTHS = 5;
const LEAST_SPREAD = 0.05;
/** Beyond 1 / LENGTH_STEP tasks the earlier ones fade: they were measured while the machines were less well known. */
const LENGTH_STEP = 0.02;

function priorOf({ count, mean, variance }: Lengths): Belief | null {
  return count < LEAST_LENGTHS ? null : { mean, variance: Math.max(variance, LEAST_SPREAD) };
}

/** The mean work of a run's tasks in milliseconds at speed 1, 0 while nothing is known. */
export function meanWork(lengths: Lengths): number {
  const prior = priorOf(lengths);
  return prior ? Math.exp(prior.mean + prior.variance / 2) : 0;
}

/** Equal for tasks that do the same: tests of a suite, whatever else changed in their workspace. */
export function workKeyOf(spec: Pick<SharedSpec, "type" | "config">): number {
  const text = spec.type + JSON.stringify(spec.type === "suite" ? testsOf(spec.config as SuiteConfig) : spec.config);
  // Two hashes, as far as an exact number holds them.
  return hashText(text) * 2 ** 21 + (hashText(`${text.length}${text}`) & (2 ** 21 - 1));
}

function testsOf({ framework, directory, tests, arguments: given }: SuiteConfig): unknown {
  return [framework, directory, tests, given];
}

/** What a task needs from a cache, null when nothing: workers that used it lately have it. */
export function cacheKeyOf(spec: SharedSpec): string | null {
  const model = modelOf(spec);
  if (model !== null) return `model:${model}`;
  if (spec.type !== "suite") return null;
  const { workspace } = spec.config;
  return "root" in workspace ? `workspace:${workspace.root}` : null;
}

/** A kind of machine, with its keys in the estimates: texts that are made anew each time would cost more than what they find. */
export interface MachineKeys {
  readonly machineClass: string;
  readonly any: string;
  readonly byHardware: Map<Hardware, string>;
}

export function machineKeys(machineClass: string): MachineKeys {
  return { machineClass, any: `any on ${machineClass}`, byHardware: new Map() };
}

/** The kind of machine together with the platform that is used on it. */
export function machineKey({ keys }: { keys: MachineKeys }, hardware: Hardware | null): string {
  if (hardware === null) return keys.machineClass;
  let key = keys.byHardware.get(hardware);
  if (key === undefined) keys.byHardware.set(hardware, (key = `${hardware} on ${keys.machineClass}`));
  return key;
}

/** Expected duration in milliseconds on a kind of machine, null when the work was never seen. */
export function expectedMs(estimates: Estimates, workKey: number, key: string): number | null {
  const known = estimates.work.get(workKey);
  if (!known) return null;
  return known.recent[key]?.median ?? Math.exp(known.size.mean - logSpeedOf(estimates, key));
}

/**
 * The same for work that was never seen, from the other tasks of its run: the mean with `deviations` 0, more for a bound that few
 * tasks exceed. Null while too few have ended.
 */
export function guessedMs(
  estimates: Estimates,
  lengths: Lengths,
  at: { key: string; deviations: number },
): number | null {
  const prior = priorOf(lengths);
  if (!prior) return null;
  const above = at.deviations === 0 ? prior.variance / 2 : at.deviations * Math.sqrt(prior.variance);
  return Math.exp(prior.mean + above - logSpeedOf(estimates, at.key));
}

/** Expected duration in milliseconds on a machine of speed 1, null when the work was never seen. */
export function expectedWork(estimates: Estimates, workKey: number): number | null {
  const known = estimates.work.get(workKey);
  return known ? Math.exp(known.size.mean) : null;
}

function logSpeedOf(estimates: Estimates, key: string): number {
  return estimates.speeds.get(key)?.mean ?? 0;
}

export function speedOf(estimates: Estimates, key: string): number {
  return Math.exp(logSpeedOf(estimates, key));
}

/** The speed of a kind of machine over all that it did. */
export function overallSpeed(estimates: Estimates, { any }: MachineKeys): number {
  return speedOf(estimates, any);
}

/** What a task says of its own duration counts until the first attempt that is seen. */
export function heed(estimates: Estimates, workKey: number, expectedSeconds: number): void {
  if (estimates.work.has(workKey)) return;
  const size = { mean: Math.log(Math.max(expectedSeconds * 1000, 1)), variance: SAID };
  estimates.work.set(workKey, { size, recent: {} });
  if (estimates.work.size > MAX_KEYS) forgetOldest(estimates);
}

export interface Observation {
  workKey: number;
  keys: MachineKeys;
  hardware: Hardware | null;
  durationMs: number;
}

/** Learns from an attempt that succeeded; `lengths` are those of its run. O(1). */
export function observe(estimates: Estimates, seen: Observation, lengths: Lengths): void {
  const key = machineKey(seen, seen.hardware);
  const logDuration = Math.log(Math.max(seen.durationMs, 1));
  const known = estimates.work.get(seen.workKey);
  const before = known?.size ?? priorOf(lengths);
  learnSpeed(estimates, seen.keys.any, { logDuration, size: before });
  const uncertain = learnSpeed(estimates, key, { logDuration, size: before });
  const seenSize = logDuration + logSpeedOf(estimates, key);
  const size = known?.size ?? { mean: seenSize, variance: NOISE + uncertain };
  if (known) size.mean = correct(size, { residual: seenSize - size.mean, other: uncertain, drift: WORK_DRIFT });
  const recent = known?.recent ?? {};
  remember((recent[key] ??= { last: [], median: 0 }), seen.durationMs);
  estimates.work.delete(seen.workKey);
  estimates.work.set(seen.workKey, known ?? { size, recent });
  if (estimates.work.size > MAX_KEYS) forgetOldest(estimates);
  noteLength(lengths, seenSize);
}

/** Moves what is believed of a machine's speed; gives the variance that is left. Without a size there is nothing to compare with. */
function learnSpeed(estimates: Estimates, key: string, seen: { logDuration: number; size: Belief | null }): number {
  let speed = estimates.speeds.get(key);
  if (!speed) estimates.speeds.set(key, (speed = { mean: 0, variance: UNKNOWN }));
  const { size, logDuration } = seen;
  if (size) {
    const residual = size.mean - logDuration - speed.mean;
    speed.mean = correct(speed, { residual, other: size.variance, drift: SPEED_DRIFT });
  }
  return speed.variance;
}

/** The new mean of a belief, whose variance is brought up to date, after an observation that differs by `residual`. */
function correct(belief: Belief, seen: { residual: number; other: number; drift: number }): number {
  const total = belief.variance + seen.other + NOISE;
  const limit = OUTLIER * Math.sqrt(total);
  const gain = belief.variance / total;
  belief.variance = belief.variance * (1 - gain) + seen.drift;
  return belief.mean + gain * Math.min(Math.max(seen.residual, -limit), limit);
}

function remember(recent: { last: number[]; median: number }, durationMs: number): void {
  recent.last.push(durationMs);
  if (recent.last.length > RECENT) recent.last.shift();
  recent.median = quantile(recent.last, 0.5);
}

function noteLength(lengths: Lengths, size: number): void {
  lengths.count += 1;
  const step = Math.max(1 / lengths.count, LENGTH_STEP);
  const difference = size - lengths.mean;
  lengths.mean += step * difference;
  lengths.variance = (1 - step) * (lengths.variance + step * difference * difference);
}

function forgetOldest(estimates: Estimates): void {
  const [oldest] = estimates.work.keys();
  if (oldest !== undefined) estimates.work.delete(oldest);
}
