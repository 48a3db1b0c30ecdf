import { Heap } from "../base/index.ts";
import type { HeapItem } from "../base/index.ts";
import { ClassSet } from "./class-set.ts";
import { scoreOf } from "./fairness.ts";
import { before } from "./priority.ts";
import type { RequirementClass } from "./requirement-class.ts";
import type { Run, State, Task } from "./state.ts";

/**
 * Who is due next: pools, their users, their runs, each level ordered by `scoreOf`, and in a run one queue for each
 * requirement class. A node stands in its parent's `children` while something below it is ready.
 *
 * Cost: taking or giving back a lease O(log children) on each of three levels; finding the next task O(1) while the best
 * node has something a free worker can run, else O(k log k) for the k better nodes, and classes in a run, that have not.
 */
export interface ShareNode extends HeapItem {
  readonly name: string;
  readonly parent: ShareNode | null;
  /** A run; the nodes above are users, pools and the root. */
  readonly isRun: boolean;
  readonly order: number;
  readonly all: Map<string, ShareNode>;
  readonly children: Heap<ShareNode>;
  /** Of a run: its ready tasks by class. */
  readonly queues: Map<RequirementClass, ClassQueue>;
  /** The same, the one with the best head first. */
  readonly queuesByHead: Heap<ClassQueue>;
  /** Classes with a ready task below. */
  readonly ready: ClassSet;
  readonly classCounts: number[];
  /** Ready tasks by priority, and the highest that occurs. */
  readonly priorities: number[];
  topPriority: number;
  waiting: number;
  running: number;
  weight: number;
  maxRunning: number | null;
  servedAtMs: number;
  score: number;
}

/** The ready tasks of one class in a run; never empty. */
export interface ClassQueue extends HeapItem {
  readonly requirementClass: RequirementClass;
  readonly tasks: Heap<Task>;
}

const byHead = (a: ClassQueue, b: ClassQueue): number => {
  const [left, right] = [a.tasks.peek(), b.tasks.peek()];
  return left && right ? before(left, right) : 0;
};
const byScore = (a: ShareNode, b: ShareNode): number => a.score - b.score || a.order - b.order;

function node(place: Pick<ShareNode, "name" | "parent" | "isRun" | "order">): ShareNode {
  return {
    ...place,
    all: new Map(),
    children: new Heap(byScore),
    queues: new Map(),
    queuesByHead: new Heap(byHead),
    ready: new ClassSet(),
    classCounts: [],
    priorities: [],
    topPriority: 0,
    waiting: 0,
    running: 0,
    weight: 1,
    maxRunning: null,
    servedAtMs: 0,
    score: 0,
    heapIndex: -1,
  };
}

export function rootNode(): ShareNode {
  return node({ name: "", parent: null, isRun: false, order: 0 });
}

/** The leaf of a new run, made with its pool and user where they are not there yet. A health check is in nobody's share. */
export function addRunNode(state: State, run: Pick<Run, "runId" | "pool" | "submittedBy" | "checks">): ShareNode {
  if (run.checks !== undefined) return node({ name: run.runId, parent: null, isRun: true, order: state.nextOrder });
  const pool = childOf(state, state.tree, { name: run.pool, share: `pool:${run.pool}` });
  const user = childOf(state, pool, { name: run.submittedBy, share: `user:${run.submittedBy}` });
  const leaf = node({ name: run.runId, parent: user, isRun: true, order: state.nextOrder });
  user.all.set(run.runId, leaf);
  return leaf;
}

function childOf(state: State, parent: ShareNode, at: { name: string; share: string }): ShareNode {
  const known = parent.all.get(at.name);
  if (known) return known;
  const made = node({ name: at.name, parent, isRun: false, order: state.nextOrder });
  const share = state.shares.get(at.share);
  if (share) Object.assign(made, { weight: share.weight, maxRunning: share.maxRunning });
  parent.all.set(at.name, made);
  return made;
}

/** Takes a run's leaf away, and pools and users that have none left. */
export function removeRunNode(leaf: ShareNode): void {
  for (let at: ShareNode | null = leaf; at?.parent && at.all.size === 0; at = at.parent) at.parent.all.delete(at.name);
}

export function nodesOf(state: State, kind: "pool" | "user", name: string): ShareNode[] {
  const pools = [...state.tree.all.values()];
  const level = kind === "pool" ? pools : pools.flatMap((pool) => [...pool.all.values()]);
  return level.filter((one) => one.name === name);
}

/** Puts a task in its queue. */
export function enqueue(state: State, task: Task): void {
  const leaf = task.run.node;
  addToQueue(leaf, task);
  const { priority } = task.spec;
  for (let at: ShareNode | null = leaf; at; at = at.parent) {
    if (at.waiting === 0) at.servedAtMs = Math.max(at.servedAtMs, state.nowMs);
    at.waiting += 1;
    at.priorities[priority] = (at.priorities[priority] ?? 0) + 1;
    const isNew = at.heapIndex < 0;
    if (priority > at.topPriority || at.waiting === 1) at.topPriority = priority;
    else if (!isNew) continue;
    place(at);
  }
}

/** Moves tasks of a run from queue to queue: what was ready before and is ready after it has waited all the time. */
export function keepAge(leaf: ShareNode, move: () => void): void {
  const before: { at: ShareNode; servedAtMs: number }[] = [];
  for (let at: ShareNode | null = leaf; at; at = at.parent)
    if (at.waiting > 0) before.push({ at, servedAtMs: at.servedAtMs });
  move();
  for (const { at, servedAtMs } of before) {
    at.servedAtMs = servedAtMs;
    place(at);
  }
}

function addToQueue(leaf: ShareNode, task: Task): void {
  const { requirementClass } = task;
  const queue = leaf.queues.get(requirementClass);
  if (queue) {
    queue.tasks.add(task);
    if (queue.tasks.peek() === task) leaf.queuesByHead.update(queue);
    return;
  }
  const made: ClassQueue = { requirementClass, tasks: new Heap(before), heapIndex: -1 };
  made.tasks.add(task);
  leaf.queues.set(requirementClass, made);
  leaf.queuesByHead.add(made);
  markReady(leaf, requirementClass.index);
}

function removeFromQueue(leaf: ShareNode, task: Task): void {
  const { requirementClass } = task;
  const queue = leaf.queues.get(requirementClass);
  if (!queue) return;
  const isHead = queue.tasks.peek() === task;
  if (queue.tasks.size === 1) {
    leaf.queuesByHead.remove(queue);
    leaf.queues.delete(requirementClass);
    unmarkReady(leaf, requirementClass.index);
  }
  queue.tasks.remove(task);
  if (isHead) leaf.queuesByHead.update(queue);
}

/** Takes a task out of its queue; one that stands in none is left alone. */
export function dequeue(task: Task): void {
  if (task.heapIndex < 0) return;
  const leaf = task.run.node;
  removeFromQueue(leaf, task);
  const { priority } = task.spec;
  for (let at: ShareNode | null = leaf; at; at = at.parent) {
    at.waiting -= 1;
    const left = (at.priorities[priority] ?? 0) - 1;
    at.priorities[priority] = left;
    if (at.waiting === 0) at.parent?.children.remove(at);
    else if (left === 0 && priority === at.topPriority) {
      while ((at.priorities[at.topPriority] ?? 0) === 0) at.topPriority -= 1;
      place(at);
    }
  }
}

function markReady(leaf: ShareNode, index: number): void {
  for (let at: ShareNode | null = leaf; at; at = at.parent) {
    const count = (at.classCounts[index] ?? 0) + 1;
    at.classCounts[index] = count;
    if (count > 1) return;
    at.ready.add(index);
  }
}

function unmarkReady(leaf: ShareNode, index: number): void {
  for (let at: ShareNode | null = leaf; at; at = at.parent) {
    const count = (at.classCounts[index] ?? 0) - 1;
    at.classCounts[index] = count;
    if (count > 0) return;
    at.ready.delete(index);
  }
}

/** A lease was granted to a task below (`change` 1) or ended (-1). */
export function countRunning(leaf: ShareNode, change: 1 | -1, nowMs: number): void {
  for (let at: ShareNode | null = leaf; at; at = at.parent) {
    at.running += change;
    if (change === 1) at.servedAtMs = Math.max(at.servedAtMs, nowMs);
    place(at);
  }
}

/** Brings a node in its right place after a change. */
export function place(at: ShareNode): void {
  at.score = scoreOf(at);
  if (!at.parent || at.waiting === 0) return;
  if (at.heapIndex < 0) at.parent.children.add(at);
  else at.parent.children.update(at);
}

/** The next task in order of those whose class is in `open` and not in `except`; undefined when there is none. */
export function nextTask(root: ShareNode, open: ClassSet, except: ClassSet): Task | undefined {
  const leaf = bestLeaf(root, (at) => at.ready.meets(open, except));
  return leaf && bestOf(leaf, open, except);
}

/** Which of two ready tasks comes first where both could be leased: by pool, user, run, then within the run. */
export function comparePlaces(a: Task, b: Task): number {
  const path = (task: Task): ShareNode[] => {
    const nodes: ShareNode[] = [];
    for (let at: ShareNode | null = task.run.node; at; at = at.parent) nodes.unshift(at);
    return nodes;
  };
  const left = path(a);
  for (const [level, node] of path(b).entries()) {
    const other = left[level];
    if (other && other !== node) return byScore(other, node);
  }
  return before(a, b);
}

/** The first run in order of those that pass, as do the nodes above them, and whose quotas are not used up. */
export function bestLeaf(at: ShareNode, passes: (node: ShareNode) => boolean): ShareNode | undefined {
  if (at.maxRunning !== null && at.running >= at.maxRunning) return undefined;
  if (at.isRun) return at;
  let leaf: ShareNode | undefined;
  at.children.first((child) => passes(child) && (leaf = bestLeaf(child, passes)) !== undefined);
  return leaf;
}

/**
 * The user or pool above a run whose quota is used up. While it is not, a group starts with all of its members, although that
 * may take more than is left: a group larger than the quota could otherwise never start, and one that waited for so much room
 * would be overtaken again and again. So a quota is exceeded by at most one group less one, and until that has ended.
 */
export function quotaAbove(leaf: ShareNode): ShareNode | null {
  for (let at: ShareNode | null = leaf; at; at = at.parent)
    if (at.maxRunning !== null && at.running >= at.maxRunning) return at;
  return null;
}

/**
 * The best head among the queues of a run that are open. O(1) while that of all of them is: a look at each of its classes when most
 * are closed, which costs less than going through them in order.
 */
function bestOf(leaf: ShareNode, open: ClassSet, except: ClassSet): Task | undefined {
  const isOpen = ({ requirementClass: { index } }: ClassQueue): boolean => open.has(index) && !except.has(index);
  const top = leaf.queuesByHead.peek();
  if (!top || isOpen(top)) return top?.tasks.peek();
  let best: Task | undefined;
  for (const queue of leaf.queuesByHead.values()) {
    const head = isOpen(queue) ? queue.tasks.peek() : undefined;
    if (head && (!best || before(head, best) < 0)) best = head;
  }
  return best;
}
