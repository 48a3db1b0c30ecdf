import { expect, test } from "vitest";
import { project } from "../../contracts/index.ts";
import { chooseTests } from "./choose-tests.ts";
import { withNeeds } from "./test-needs.ts";

const [suite] = project.parse({ suites: [{ framework: "pytest" }] }).suites;
const names = Array.from({ length: 20 }, (_, n) => `t/${n % 2 === 0 ? "a" : "b"}.py::test_${n}`);
const tests =
  suite === undefined
    ? []
    : withNeeds(
        suite,
        names.map((id) => ({ id, file: id.split("::")[0] ?? "", tags: [] })),
      );
const idsOf = (chosen: typeof tests): string[] => chosen.map(({ test: { id } }) => id);

test("patterns and a wish narrow, and the order stays", () => {
  expect(idsOf(chooseTests(tests, { patterns: ["t/a.py"] }))).toEqual(names.filter((name) => name.startsWith("t/a")));
  const wanted = {
    patterns: ["*::test_1", "*::test_2"],
    wanted: ({ test: { file } }: (typeof tests)[number]) => file === "t/b.py",
  };
  expect(idsOf(chooseTests(tests, wanted))).toEqual(["t/b.py::test_1"]);
});

test("a seed decides the order", () => {
  const once = idsOf(chooseTests(tests, { patterns: [], shuffleSeed: 7 }));
  expect(idsOf(chooseTests(tests, { patterns: [], shuffleSeed: 7 }))).toEqual(once);
  expect(once).not.toEqual(names);
  expect([...once].sort()).toEqual([...names].sort());
  expect(idsOf(chooseTests(tests, { patterns: [], shuffleSeed: 8 }))).not.toEqual(once);
});
