import type { JournalEventOf } from "../contracts/index.ts";
import { reservable } from "./resources.ts";
import { revocation } from "./revocation.ts";
import { isTerminal } from "./state.ts";
import type { State, Task, WorkerRecord } from "./state.ts";

/** More members than this cannot be placed at once in reasonable time. */
export const MAX_GROUP = 64;

/** Tasks of a run that start together, each on a worker of its own, or not at all. */
export interface Group {
  readonly name: string;
  readonly members: Task[];
}

/** The member that stands in the queue for all of them. */
export function leaderOf(group: Group): Task | undefined {
  return group.members.find((member) => !isTerminal(member.state));
}

export function openMembers(group: Group): Task[] {
  return group.members.filter((member) => !isTerminal(member.state));
}

/** Whether all members that are left could be leased now. */
export function isStartable(group: Group): boolean {
  return openMembers(group).every((member) => member.state === "queued" && member.notBeforeMs === 0);
}

export interface Seat {
  task: Task;
  worker: WorkerRecord;
  gpus: readonly number[];
}

/**
 * A worker for each task, no two the same, or null: augmenting paths (Kuhn). `usable` gives a task's workers in order of
 * preference. O(tasks² · workers).
 */
export function seatAll<Member>(
  tasks: readonly Member[],
  usable: (task: Member) => readonly WorkerRecord[],
): Map<Member, WorkerRecord> | null {
  const holder = new Map<WorkerRecord, Member>();
  for (const task of tasks) if (!augment(task, { usable, holder, seen: new Set() })) return null;
  return new Map([...holder].map(([worker, task]) => [task, worker]));
}

function augment<Member>(
  task: Member,
  search: {
    usable: (task: Member) => readonly WorkerRecord[];
    holder: Map<WorkerRecord, Member>;
    seen: Set<WorkerRecord>;
  },
): boolean {
  for (const worker of search.usable(task)) {
    if (search.seen.has(worker)) continue;
    search.seen.add(worker);
    const other = search.holder.get(worker);
    if (other && !augment(other, search)) continue;
    search.holder.set(worker, task);
    return true;
  }
  return false;
}

/** Seats for the open members of a group on workers that can take them now, or null. */
export function seatGroup(
  state: State,
  group: Group,
  candidates: (task: Task) => Iterable<WorkerRecord>,
): Seat[] | null {
  const members = openMembers(group);
  const locks = members.flatMap((member) => [...member.requirementClass.demand.locks]);
  if (new Set(locks).size < locks.length) return null;
  const fitting = new Map<Task, WorkerRecord[]>();
  for (const member of members) {
    const { demand } = member.requirementClass;
    fitting.set(
      member,
      [...candidates(member)].filter((worker) => reservable(state, worker, demand) !== null).slice(0, 4 * MAX_GROUP),
    );
  }
  const seats = seatAll(members, (task) => fitting.get(task) ?? []);
  if (!seats || !machinesAgree(seats)) return null;
  return [...seats].map(([task, worker]) => ({
    task,
    worker,
    gpus: reservable(state, worker, task.requirementClass.demand) ?? [],
  }));
}

/** An exclusive member shares its machine with no other member. */
function machinesAgree(seats: ReadonlyMap<Task, WorkerRecord>): boolean {
  const machines = [...seats.values()].map(({ machine }) => machine);
  return [...seats].every(
    ([task, { machine }]) =>
      !task.requirementClass.demand.exclusive || machines.filter((other) => other === machine).length === 1,
  );
}

/** Calls back the other members of a group when one of them must start anew. */
export function recallPeers(group: Group, but: Task): JournalEventOf<"attempt_revoked">[] {
  const reason = `${but.taskId}, of the same group, must start anew`;
  return group.members
    .filter((member) => member !== but)
    .flatMap((member) => member.leases.filter(({ revoked }) => revoked !== "running"))
    .map((lease) => revocation(lease, { running: true, reason }));
}
