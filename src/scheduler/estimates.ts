import { hashText } from "../base/index.ts";
import type { Hardware } from "../contracts/index.ts";
import type { SharedSpec } from "./compact-spec.ts";

/** How many durations of a piece of work on a kind of machine are remembered: their median is a mean that one outlier cannot move. */
const RECENT = 5;
/** How many pieces of work are remembered, the longest unused forgotten first. */
const MAX_KEYS = 50_000;
/** How far one observation moves what is believed of a kind of machine. */
const SPEED_STEP = 0.1;
const WORK_STEP = 0.3;

interface WorkEstimate {
  /** Natural logarithm of its duration in milliseconds on a machine of speed 1. */
  logWork: number;
  /** The latest durations by kind of machine. */
  recent: Record<string, number[]>;
}

/**
 * What is known of durations. A piece of work has a size and a kind of machine has a speed, fitted as
 * `ln duration = logWork - logSpeed` by stochastic gradient (a two-way additive model); where the very work was seen on the very
 * kind of machine, the median of its latest durations counts instead.
 */
export interface Estimates {
  readonly work: Map<number, WorkEstimate>;
  readonly logSpeed: Map<string, number>;
}

export function emptyEstimates(): Estimates {
  return { work: new Map(), logSpeed: new Map() };
}

/** Equal for tasks that do the same. */
export function workKeyOf({ type, config }: Pick<SharedSpec, "type" | "config">): number {
  const text = type + JSON.stringify(config);
  // Two hashes, as far as an exact number holds them.
  return hashText(text) * 2 ** 21 + (hashText(`${text.length}${text}`) & (2 ** 21 - 1));
}

/** What a task needs from a cache, null when nothing: workers that used it lately have it. */
export function cacheKeyOf(spec: SharedSpec): string | null {
  if (spec.type === "model" || spec.type === "benchmark") return `model:${spec.config.model}`;
  return spec.type === "suite" && typeof spec.config["workspace"] === "string"
    ? `workspace:${spec.config["workspace"]}`
    : null;
}

/** The kind of machine together with the platform that is used on it. */
export function machineKey(profile: { machineClass: string }, hardware: Hardware | null): string {
  return hardware === null ? profile.machineClass : `${hardware} on ${profile.machineClass}`;
}

/** Expected duration in milliseconds on a kind of machine, null when the work was never seen. */
export function expectedMs(estimates: Estimates, workKey: number, machineClass: string): number | null {
  const known = estimates.work.get(workKey);
  if (!known) return null;
  const recent = known.recent[machineClass];
  if (recent) return median(recent);
  return Math.exp(known.logWork - (estimates.logSpeed.get(machineClass) ?? 0));
}

/** Expected duration in milliseconds on a machine of speed 1, null when the work was never seen. */
export function expectedWork(estimates: Estimates, workKey: number): number | null {
  const known = estimates.work.get(workKey);
  return known ? Math.exp(known.logWork) : null;
}

export function speedOf(estimates: Estimates, machineClass: string): number {
  return Math.exp(estimates.logSpeed.get(machineClass) ?? 0);
}

/** Learns from an attempt that succeeded. O(1). */
export function observe(
  estimates: Estimates,
  seen: { workKey: number; machineClass: string; durationMs: number },
): void {
  const { workKey, machineClass } = seen;
  const logDuration = Math.log(Math.max(seen.durationMs, 1));
  const logSpeed = estimates.logSpeed.get(machineClass);
  const known = estimates.work.get(workKey);
  if (!known) {
    // The first kind of machine is the measure of all others.
    if (estimates.logSpeed.size === 0) estimates.logSpeed.set(machineClass, 0);
    estimates.work.set(workKey, {
      logWork: logDuration + (logSpeed ?? 0),
      recent: { [machineClass]: [seen.durationMs] },
    });
    if (estimates.work.size > MAX_KEYS) forgetOldest(estimates);
    return;
  }
  const residual = logDuration - (known.logWork - (logSpeed ?? 0));
  // A new kind of machine starts at what its first comparison says.
  estimates.logSpeed.set(machineClass, logSpeed === undefined ? -residual : logSpeed - SPEED_STEP * clamp(residual));
  known.logWork += WORK_STEP * clamp(residual);
  const recent = (known.recent[machineClass] ??= []);
  recent.push(seen.durationMs);
  if (recent.length > RECENT) recent.shift();
  estimates.work.delete(workKey);
  estimates.work.set(workKey, known);
}

function forgetOldest(estimates: Estimates): void {
  const [oldest] = estimates.work.keys();
  if (oldest !== undefined) estimates.work.delete(oldest);
}

/** One wild observation counts no more than a factor of e. */
const clamp = (residual: number): number => Math.min(Math.max(residual, -1), 1);

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
