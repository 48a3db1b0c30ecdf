import fc from "fast-check";
import { expect, test } from "vitest";
import { project } from "../../contracts/index.ts";
import { withNeeds } from "./test-needs.ts";
import { fewUrgent } from "./urgent-tests.ts";

const [suite] = project.parse({
  suites: [{ framework: "pytest", overrides: [{ match: "c*", critical: true }] }],
}).suites;

test("what comes before longer work is little, the riskiest of it, and what is critical", () => {
  const one = fc.record({
    critical: fc.boolean(),
    seconds: fc.integer({ min: 0, max: 100 }),
    risk: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 30 }), (given) => {
      if (suite === undefined) throw new Error("no suite");
      const names = given.map(({ critical }, index) => `${critical ? "c" : "t"}${index}`);
      const tests = withNeeds(
        suite,
        names.map((id) => ({ id, file: id, tags: [] })),
      );
      const said = new Map(
        names.map((id, index) => [id, { expectedSeconds: given[index]?.seconds ?? 0, risk: given[index]?.risk ?? 0 }]),
      );
      const before = (id: string) => said.get(id) ?? { expectedSeconds: 0, risk: 0 };
      const after = fewUrgent(tests, ({ test: { id } }) => before(id));
      const total = given.reduce((sum, { seconds }) => sum + seconds, 0);
      const plain = tests.filter(({ needs }) => !needs.critical);
      const urgent = plain.filter((each) => after(each).risk > 0);
      const work = urgent.reduce((sum, each) => sum + (after(each).expectedSeconds ?? 0), 0);
      expect(work).toBeLessThanOrEqual(Math.max(total / 4, 10));
      const lowest = Math.min(...urgent.map((each) => after(each).risk));
      for (const each of plain) {
        const { risk } = before(each.test.id);
        expect([0, risk]).toContain(after(each).risk);
        if (risk >= lowest) expect(after(each).risk).toBe(risk);
      }
      for (const each of tests) if (each.needs.critical) expect(after(each)).toEqual(before(each.test.id));
    }),
  );
});
