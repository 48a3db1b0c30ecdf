import { seededRng } from "../src/base/index.ts";
import type { Clock, Rng, Timer } from "../src/base/index.ts";

/** Wall time at the start of every simulation. */
const START_MS = 1_700_000_000_000;

/** Something that will happen, unless it is called off. */
interface Planned extends Timer {
  atMs: number;
  order: number;
  action: (() => void) | undefined;
}

/** Virtual time, and all that is to happen in it: the only source of order and chance in a simulation. */
export class World {
  readonly rng: Rng;
  nowMs = 0;
  steps = 0;
  private readonly heap: Planned[] = [];
  private planned = 0;

  constructor(seed: number) {
    this.rng = seededRng(seed);
  }

  plan(delayMs: number, action: () => void): Timer {
    if (!(delayMs >= 0)) throw new Error(`a delay of ${delayMs} ms`);
    const one: Planned = { atMs: this.nowMs + delayMs, order: (this.planned += 1), action, cancel };
    this.rise(one);
    return one;
  }

  /** Does what comes next; false when there is nothing. */
  step(): boolean {
    for (;;) {
      const one = this.pop();
      if (!one) return false;
      const { action } = one;
      if (!action) continue;
      one.action = undefined;
      this.nowMs = Math.max(this.nowMs, one.atMs);
      this.steps += 1;
      action();
      return true;
    }
  }

  chance(probability: number): boolean {
    return probability > 0 && this.rng.next() < probability;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.rng.below(most - least + 1);
  }

  pick<Item>(items: readonly Item[]): Item | undefined {
    return items.length === 0 ? undefined : items[this.rng.below(items.length)];
  }

  private rise(one: Planned): void {
    const { heap } = this;
    let index = heap.length;
    heap.push(one);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Planned;
      if (!isBefore(one, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = one;
  }

  private pop(): Planned | undefined {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    if (!top || !last || heap.length === 0) return top;
    const { length } = heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1] as Planned, heap[child] as Planned)) child += 1;
      const below = heap[child] as Planned;
      if (!isBefore(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}

function cancel(this: Planned): void {
  this.action = undefined;
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** One process: it can be killed, and stopped for a while, as by SIGSTOP; what happens to it meanwhile waits. */
export class Host {
  readonly clock: Clock;
  alive = true;
  private readonly world: World;
  /** How long a turn of its event loop takes. */
  turnMs: number;
  /** How fast its clocks run: 1 is right. */
  rate = 1;
  private jumpMs = 0;
  private stopped: (() => void)[] | undefined;

  constructor(world: World, turnMs: number) {
    this.world = world;
    this.turnMs = turnMs;
    this.clock = {
      nowMs: () => START_MS + Math.floor(world.nowMs * this.rate) + this.jumpMs,
      monotonicMs: () => world.nowMs * this.rate,
      // Not less than a millisecond, as in Node.
      setTimer: (delayMs, action) => this.after(Math.max(delayMs, 1) / this.rate, action),
    };
  }

  get isStopped(): boolean {
    return this.stopped !== undefined;
  }

  readonly defer = (action: () => void): void => {
    this.after(this.turnMs, action);
  };

  after(delayMs: number, action: () => void): Timer {
    return this.world.plan(delayMs, () => this.run(action));
  }

  /** Does something in this process now, or when it goes on; never once it is dead. */
  run(action: () => void): void {
    if (!this.alive) return;
    if (this.stopped) this.stopped.push(action);
    else action();
  }

  kill(): void {
    this.alive = false;
    this.stopped = undefined;
  }

  stop(): void {
    if (this.alive) this.stopped ??= [];
  }

  goOn(): void {
    const { stopped = [] } = this;
    this.stopped = undefined;
    for (const action of stopped) this.after(0, action);
  }

  /** Sets the wall clock forward or back. */
  jump(ms: number): void {
    this.jumpMs = ms;
  }
}
