import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareVersions, fit } from "./match.ts";
import { needsOf } from "./requirement-class.ts";
import { capabilities, spec } from "./scheduler-acceptance.ts";

test("a worker fits exactly when every label does, whatever the selectors", () => {
  const key = fc.constantFrom("a", "b");
  const value = fc.constantFrom("1", "2");
  const selector = fc.oneof(value, fc.constant(true as const), fc.constant(null), fc.array(value, { minLength: 1 }));
  const plain = { noNullPrototype: true };
  fc.assert(
    fc.property(fc.dictionary(key, selector, plain), fc.dictionary(key, value, plain), (wanted, labels) => {
      const result = fit(
        needsOf(spec("t", { requirements: { labels: wanted } }), "default", 0),
        capabilities({ labels }),
      );
      const wrong = Object.entries(wanted).filter(([name, wish]) => {
        const has = labels[name];
        if (wish === null) return has !== undefined;
        return has === undefined || (wish !== true && ![wish].flat().includes(has));
      });
      expect(result.fits ? 0 : result.reasons.length).toBe(wrong.length);
    }),
  );
});

test("a task that asks for a sandbox fits workers that proved to have one, and no others", () => {
  const wants = needsOf(spec("t", { limits: { sandbox: true } }), "default", 0);
  const refused = { fits: false, reasons: [expect.stringContaining("limits.sandbox: wants a sandbox")] };
  expect(fit(wants, capabilities({ isolation: ["process", "cgroup", "sandbox"] }))).toMatchObject({ fits: true });
  expect(fit(wants, capabilities({ isolation: ["process", "cgroup"] }))).toMatchObject(refused);
  expect(fit(wants, capabilities({}))).toMatchObject(refused);
  const others = needsOf(spec("t", { limits: { memory_mb: 10, sandbox: false } }), "default", 0);
  expect(fit(others, capabilities({}))).toMatchObject({ fits: true });
});

describe("versions", () => {
  const version = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 4 });
  test("are ordered number by number", () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        const pad = (parts: readonly number[]): number =>
          Number([0, 1, 2, 3].map((at) => String(parts[at] ?? 0).padStart(3, "0")).join(""));
        expect(Math.sign(compareVersions(a.join("."), b.join(".")))).toBe(Math.sign(pad(a) - pad(b)));
      }),
    );
  });
});
