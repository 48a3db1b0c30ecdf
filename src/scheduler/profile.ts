import { machineClassOf } from "../contracts/index.ts";
import type { CapabilityDocument } from "../contracts/index.ts";
import { marksOfWorker } from "./avoidance.ts";
import type { PatternRecord } from "./avoidance.ts";
import { machineKeys, overallSpeed } from "./estimates.ts";
import type { MachineKeys } from "./estimates.ts";
import type { Fit } from "./match.ts";
import { admit, refreshLastResort } from "./requirement-class.ts";
import type { RequirementClass } from "./requirement-class.ts";
import type { State, WorkerRecord } from "./state.ts";

/**
 * Workers with the same capabilities, as far as matching looks at them. Whether they fit a class is known once for all of
 * them, and a worker that becomes free or busy touches its profile only, unless it is the first or the last one: O(1) for
 * workers alike, O(classes that it fits) where every worker is different.
 */
export interface Profile {
  readonly key: string;
  readonly capabilities: CapabilityDocument;
  /** The kind of machine: durations are learned for it. */
  readonly keys: MachineKeys;
  readonly kind: MachineKind;
  /** The classes that its workers fit, and how. */
  readonly classes: Map<RequirementClass, Extract<Fit, { fits: true }>>;
  /** Workers with a free slot, the longest unserved first. */
  readonly idle: Set<WorkerRecord>;
  /** Workers that have no free slot, and take a lease in reserve. */
  readonly spare: Set<WorkerRecord>;
  workers: number;
  /** Those of them that are ready. */
  online: number;
  /** Patterns in force whose place they are. */
  readonly marks: readonly PatternRecord[];
}

/** All workers of one machine class, as far as horizons look at them. */
export interface MachineKind {
  /** Slots that are online. */
  slots: number;
  speed: number;
  profiles: number;
}

function kindOf(state: State, keys: MachineKeys): MachineKind {
  const { machineClass } = keys;
  let kind = state.kinds.get(machineClass);
  if (!kind)
    state.kinds.set(machineClass, (kind = { slots: 0, speed: overallSpeed(state.estimates, keys), profiles: 0 }));
  kind.profiles += 1;
  return kind;
}

/** More is known of the speed of a machine. O(1). */
export function refreshSpeed(state: State, { kind, keys }: Profile): void {
  const speed = overallSpeed(state.estimates, keys);
  state.load.speed += kind.slots * (speed - kind.speed);
  kind.speed = speed;
}

function countSlots(state: State, worker: WorkerRecord, slots: number): void {
  const change = slots - worker.countedSlots;
  if (change === 0) return;
  const { profile } = worker;
  const { kind } = profile;
  kind.slots += change;
  state.load.speed += change * kind.speed;
  const cameOnline = worker.countedSlots === 0;
  worker.countedSlots = slots;
  if (cameOnline || slots === 0) countOnline(state, profile, cameOnline ? 1 : -1);
}

/** With the first worker of a profile, and without the last, there is another place for its classes, or one less. */
function countOnline(state: State, profile: Profile, change: 1 | -1): void {
  profile.online += change;
  if (state.marking.size === 0 || profile.online > 1 || (profile.online === 1 && change === -1)) return;
  for (const one of [...profile.classes.keys()]) refreshLastResort(state, one);
}

function profileKey(capabilities: CapabilityDocument, marks: readonly PatternRecord[]): string {
  const { cpu, memory_gb, gpus, hardware, runtimes, software, task_types, labels, pools, isolation } = capabilities;
  const parts = gpus.map(({ index, name, memory_gb: gpuMemory, cuda_compute }) => [
    index,
    name,
    gpuMemory,
    cuda_compute,
  ]);
  // Why the others do not work is not compared: it tells of moments and files.
  const backends = runtimes.filter(({ available }) => available).map(({ backend }) => backend);
  const marked = marks.map(({ pattern }) => pattern.pattern_id);
  return JSON.stringify([
    cpu.model,
    cpu.cores,
    memory_gb,
    parts,
    hardware,
    backends,
    software,
    task_types,
    labels,
    pools,
    isolation,
    marked,
  ]);
}

/** Puts a worker among those with the same capabilities; the first of its kind is compared with every class. */
export function joinProfile(state: State, workerId: string, capabilities: CapabilityDocument): Profile {
  const marks = marksOfWorker(state, workerId, capabilities);
  const key = profileKey(capabilities, marks);
  let profile = state.profiles.get(key);
  if (!profile) {
    const keys = machineKeys(machineClassOf(capabilities));
    profile = {
      key,
      capabilities,
      keys,
      kind: kindOf(state, keys),
      classes: new Map(),
      idle: new Set(),
      spare: new Set(),
      workers: 0,
      online: 0,
      marks,
    };
    state.profiles.set(key, profile);
    for (const one of state.classes.values()) admit(state, one, profile);
    if (marks.length > 0) for (const one of state.classes.values()) refreshLastResort(state, one);
  }
  profile.workers += 1;
  return profile;
}

/** Takes a worker out of its profile. */
export function leaveProfile(state: State, worker: WorkerRecord): void {
  const { profile } = worker;
  setStanding(state, worker, "busy");
  profile.workers -= 1;
  countSlots(state, worker, 0);
  if (profile.workers > 0) return;
  state.profiles.delete(profile.key);
  if (profile.marks.length > 0) for (const one of state.classes.values()) one.avoided.delete(profile);
  profile.kind.profiles -= 1;
  if (profile.kind.profiles === 0) state.kinds.delete(profile.keys.machineClass);
}

/** What a worker may get now: something to start, something in reserve, or nothing. */
function standingOf(worker: WorkerRecord): WorkerRecord["standing"] {
  const { state, leases, credits, slots, claim, machine, check } = worker;
  if (state !== "ready" || leases.size >= credits || claim || machine.exclusive) return "busy";
  // A health check comes before all else.
  if (check?.state === "queued") return "busy";
  return leases.size < slots ? "idle" : "spare";
}

/** Brings a worker's place in its profile in line with what it may get now. */
export function refreshStanding(state: State, worker: WorkerRecord): void {
  countSlots(state, worker, worker.state === "ready" ? worker.slots : 0);
  if (worker.leases.size > worker.slots) state.watch.overfull.add(worker);
  else state.watch.overfull.delete(worker);
  setStanding(state, worker, standingOf(worker));
}

function setStanding(state: State, worker: WorkerRecord, next: WorkerRecord["standing"]): void {
  const { profile, standing } = worker;
  if (next === standing) return;
  const wasReady = profile.idle.size + profile.spare.size > 0;
  if (standing !== "busy") profile[standing].delete(worker);
  if (next !== "busy") profile[next].add(worker);
  worker.standing = next;
  const isReady = profile.idle.size + profile.spare.size > 0;
  if (isReady === wasReady) return;
  for (const one of profile.classes.keys()) {
    if (isReady) one.ready.add(profile);
    else one.ready.delete(profile);
    if (one.ready.size > 0) state.open.add(one.index);
    else state.open.delete(one.index);
  }
}

/** To the end of the line, so that work spreads over the workers that fit. */
export function servedLast(worker: WorkerRecord): void {
  if (worker.standing === "busy") return;
  const line = worker.profile[worker.standing];
  line.delete(worker);
  line.add(worker);
}
