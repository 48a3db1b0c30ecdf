import { describe, expect, test } from "vitest";
import { project } from "../../contracts/index.ts";
import type { ProjectSuite } from "../../contracts/index.ts";
import { isMatch, withNeeds } from "./test-needs.ts";

function suiteWith(overrides: unknown[]): ProjectSuite {
  const [suite] = project.parse({
    suites: [{ framework: "pytest", requirements: { software: ["python>=3.8"] }, overrides }],
  }).suites;
  if (suite === undefined) throw new Error("no suite");
  return suite;
}

describe("patterns", () => {
  const found = { id: "tests/gpu/test_a.py::test_cuda[x]", file: "tests/gpu/test_a.py" };
  test.each([
    ["tests/gpu/**", true],
    ["tests/gpu/test_a.py", true],
    ["*::test_cuda*", true],
    ["test_a.py::*", true],
    ["tests/gpu/test_a.py::test_cuda[x]", true],
    ["tests/cpu/**", false],
    ["*::test_cpu*", false],
    ["gpu", false],
  ])("%s", (pattern, matches) => {
    expect(isMatch(pattern, found)).toBe(matches);
  });
});

test("an override is for tests with its tag, of which one of its patterns matches", () => {
  const suite = suiteWith([
    { tag: "gpu", requirements: { hardware: ["cuda"] } },
    { tag: "gpu", match: ["a.py", "*::test_b*"], critical: true },
    { match: ["[id].py", "c.py::test_x[1]"], retries: 1 },
  ]);
  const tests = [
    { id: "a.py::test_a", file: "a.py", tags: ["slow", "gpu"] },
    { id: "c.py::test_b", file: "c.py", tags: ["gpu"] },
    { id: "c.py::test_x[1]", file: "c.py", tags: ["gpu"] },
    { id: "[id].py::test", file: "[id].py", tags: ["gpus"] },
  ];
  expect(
    withNeeds(suite, tests).map(({ needs }) => [needs.requirements.hardware, needs.critical, needs.retries]),
  ).toEqual([
    [["cuda"], true, undefined],
    [["cuda"], true, undefined],
    [["cuda"], false, 1],
    [undefined, false, 1],
  ]);
  expect(() => suiteWith([{ retries: 1 }])).toThrow("match or tag");
});

test("all overrides that match count, later ones first, and locks add up", () => {
  const suite = suiteWith([
    { match: "gpu/**", requirements: { hardware: ["cuda"], min_memory_gb: 8 }, serial: "device", retries: 1 },
    { match: "*::test_big", requirements: { min_memory_gb: 64 }, resources: { locks: ["db"] }, critical: true },
  ]);
  const [big, small, other] = withNeeds(suite, [
    { id: "gpu/a.py::test_big", file: "gpu/a.py", tags: [], together: "gpu/a.py" },
    { id: "gpu/a.py::test_small", file: "gpu/a.py", tags: [] },
    { id: "b.py::test", file: "b.py", tags: [] },
  ]);
  expect(big?.needs).toEqual({
    requirements: { software: ["python>=3.8"], hardware: ["cuda"], min_memory_gb: 64 },
    resources: { locks: ["serial:device", "db"] },
    labels: {},
    retries: 1,
    testTimeoutSeconds: undefined,
    critical: true,
    together: "gpu/a.py",
  });
  expect(small?.needs).toMatchObject({ requirements: { min_memory_gb: 8 }, critical: false, together: undefined });
  expect(other?.needs.requirements).toEqual({ software: ["python>=3.8"] });
});
