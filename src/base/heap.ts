/** What a heap keeps of its items: their place in it, -1 when outside. An item is in one heap at a time. */
export interface HeapItem {
  heapIndex: number;
}

/** A binary heap; `peek` gives the smallest item by `compare`. Adding and removing any item cost O(log n). */
export class Heap<T extends HeapItem> {
  private readonly items: T[] = [];
  private readonly compare: (a: T, b: T) => number;

  constructor(compare: (a: T, b: T) => number) {
    this.compare = compare;
  }

  get size(): number {
    return this.items.length;
  }

  peek(): T | undefined {
    return this.items[0];
  }

  add(item: T): void {
    this.items.push(item);
    this.rise(item, this.items.length - 1);
  }

  /** Removes an item; one that is not in a heap is left alone. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.items.pop() as T;
    if (last === item) return;
    this.rise(last, index);
    this.sink(last, last.heapIndex);
  }

  /** Puts an item in its place again after what it is compared by has changed. */
  update(item: T): void {
    if (item.heapIndex < 0) return;
    this.rise(item, item.heapIndex);
    this.sink(item, item.heapIndex);
  }

  /** Every item, in no particular order. */
  values(): readonly T[] {
    return this.items;
  }

  /**
   * The smallest item that passes, looking at no more than `limit` items. O(k log k) for the k items that come before it;
   * one look when the smallest passes.
   */
  first(passes: (item: T) => boolean, limit = Number.POSITIVE_INFINITY): T | undefined {
    const [top] = this.items;
    if (top === undefined || passes(top)) return top;
    const frontier = new Heap<{ item: T; heapIndex: number }>((a, b) => this.compare(a.item, b.item));
    const open = (index: number): void => {
      const item = this.items[index];
      if (item) frontier.add({ item, heapIndex: -1 });
    };
    open(1);
    open(2);
    for (let looked = 1, next = frontier.peek(); next && looked < limit; looked += 1, next = frontier.peek()) {
      if (passes(next.item)) return next.item;
      frontier.remove(next);
      open(2 * next.item.heapIndex + 1);
      open(2 * next.item.heapIndex + 2);
    }
    return undefined;
  }

  private rise(item: T, start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.items[parent] as T;
      if (this.compare(above, item) <= 0) break;
      this.put(above, index);
      index = parent;
    }
    this.put(item, index);
  }

  private sink(item: T, start: number): void {
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.items.length) break;
      if (child + 1 < this.items.length && this.compare(this.items[child + 1] as T, this.items[child] as T) < 0)
        child += 1;
      const below = this.items[child] as T;
      if (this.compare(item, below) <= 0) break;
      this.put(below, index);
      index = child;
    }
    this.put(item, index);
  }

  private put(item: T, index: number): void {
    this.items[index] = item;
    item.heapIndex = index;
  }
}
