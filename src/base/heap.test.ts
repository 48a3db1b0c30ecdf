import fc from "fast-check";
import { expect, test } from "vitest";
import { Heap } from "./heap.ts";

interface Item {
  key: number;
  heapIndex: number;
}

/** A heap after random additions, removals and changes, with all that is in it. */
const filled = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 50 })), { maxLength: 80 })
  .map((steps) => {
    const heap = new Heap<Item>((a, b) => a.key - b.key);
    const items: Item[] = [];
    for (const [kind, key] of steps) {
      const some = items[key % Math.max(items.length, 1)];
      if (kind === 0 || !some) {
        const item = { key, heapIndex: -1 };
        items.push(item);
        heap.add(item);
      } else if (kind === 1) {
        heap.remove(some);
        items.splice(items.indexOf(some), 1);
      } else {
        some.key = (some.key * 7 + key) % 51;
        heap.update(some);
      }
    }
    return { heap, items };
  });

const sorted = (items: readonly Item[]): number[] => items.map(({ key }) => key).sort((a, b) => a - b);

test("gives the smallest first after any additions, removals and updates", () => {
  fc.assert(
    fc.property(filled, ({ heap, items }) => {
      expect(heap.size).toBe(items.length);
      const out: number[] = [];
      for (let item = heap.peek(); item; item = heap.peek()) {
        expect(heap.values()[item.heapIndex]).toBe(item);
        out.push(item.key);
        heap.remove(item);
        expect(item.heapIndex).toBe(-1);
      }
      expect(out).toEqual(sorted(items));
    }),
  );
});

test("first: the smallest that passes, and no more looks than allowed", () => {
  fc.assert(
    fc.property(
      filled,
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 20 }),
      ({ heap, items }, divisor, limit) => {
        const passes = ({ key }: Item): boolean => key % divisor === divisor - 1;
        const before = [...heap.values()];
        expect(heap.first(passes)?.key).toBe(sorted(items.filter(passes))[0]);
        let looks = 0;
        const found = heap.first((item) => (looks += 1) > 0 && passes(item), limit);
        expect(looks).toBeLessThanOrEqual(limit);
        if (found) expect(found.key).toBe(sorted(items.filter(passes))[0]);
        expect(heap.values()).toEqual(before);
      },
    ),
  );
});
