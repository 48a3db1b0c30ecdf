import fc from "fast-check";
import { expect, test } from "vitest";
import { compactSpec } from "./compact-spec.ts";
import { spec } from "./scheduler-acceptance.ts";

const specs = fc
  .record({
    labels: fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("1", "2"), { noNullPrototype: true }),
    env: fc.dictionary(fc.constantFrom("X", "Y"), fc.constantFrom("1", "2"), { noNullPrototype: true }),
    priority: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ labels, env, priority }) => spec("t", { labels, priority, config: { command: "true", env } }));

test("says the same, and shares what is equal with the one before", () => {
  fc.assert(
    fc.property(specs, specs, (one, before) => {
      const compact = compactSpec(one, before);
      expect(compact).toEqual(one);
      const isSame = JSON.stringify(one.config) === JSON.stringify(before.config);
      if (isSame) expect(compact.config).toBe(before.config);
      expect(compactSpec(one, undefined)).toBe(one);
    }),
  );
});
