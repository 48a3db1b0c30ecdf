import fc from "fast-check";
import { expect, test } from "vitest";
import { sharedSpec, wholeSpec } from "./compact-spec.ts";
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
    fc.property(specs, specs, (one, other) => {
      const before = sharedSpec(other, undefined);
      const shared = sharedSpec(one, before);
      expect(wholeSpec({ taskId: "t", spec: shared })).toEqual(one);
      const { task_id: _, ...rest } = other;
      expect(before).toEqual(rest);
      if (JSON.stringify(one) === JSON.stringify(other)) expect(shared).toBe(before);
      if (JSON.stringify(one.config) === JSON.stringify(other.config)) expect(shared.config).toBe(before.config);
    }),
  );
});
