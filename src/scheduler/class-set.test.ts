import fc from "fast-check";
import { expect, test } from "vitest";
import { ClassSet } from "./class-set.ts";

const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { maxLength: 40 });

function setOf(indexes: readonly number[]): ClassSet {
  const made = new ClassSet();
  for (const index of indexes) made.add(index);
  return made;
}

test("is a set of numbers", () => {
  fc.assert(
    fc.property(numbers, numbers, numbers, (some, other, except) => {
      const set = setOf(some);
      for (const index of except.slice(0, 10)) set.delete(index);
      const left = some.filter((index) => !except.slice(0, 10).includes(index));
      for (let index = 0; index < 201; index += 1) expect(set.has(index)).toBe(left.includes(index));
      const meets = left.some((index) => other.includes(index) && !except.includes(index));
      expect(set.meets(setOf(other), setOf(except))).toBe(meets);
    }),
  );
});
