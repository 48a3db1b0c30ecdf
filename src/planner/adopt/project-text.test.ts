import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { project } from "../../contracts/index.ts";
import type { Project } from "../../contracts/index.ts";
import { adoptedText } from "./project-text.ts";
import type { SuiteOverrides } from "./project-text.ts";

const gpu = {
  override: { tag: "gpu", requirements: { hardware: ["cuda" as const, "rocm" as const] } },
  evidence: ["tests/test_a.py:3  torch.cuda.is_available()"],
};
const files = {
  override: { match: ["a: b.test.ts", "[x].test.ts > #1"], resources: { gpu: 2 } },
  evidence: ["a: b.test.ts:1  navigator.gpu", "and 3 more"],
};

function adopted(text: string | null, given: (typeof gpu | typeof files)[][]): string {
  const before: Project = project.parse(text === null ? {} : (parse(text) ?? {}));
  const found = project.parse({ suites: [{ framework: "pytest" }, { framework: "vitest", directory: "web" }] }).suites;
  const named = before.suites.length === 0 ? found : before.suites;
  return adoptedText(
    text,
    before,
    named.map((suite, index): SuiteOverrides => ({ suite, overrides: given[index] ?? [] })),
  );
}

const BLOCK = `# Mine.
watch:   [ torch ]   # wide

suites:
- framework:   pytest   # first
  arguments: ['-q']
  overrides:
    # old
    - match: "*::test_a"
      retries: 2   # why

    # for later
- framework: vitest
  directory: web
  env:
    A: |
      b
# end
`;

describe("assay.yaml", () => {
  test("that is not there yet has the suites that were found, and the evidence above each override", () => {
    expect(
      adopted(null, [[gpu], [files]])
        .split("\n")
        .slice(1)
        .join("\n"),
    ).toBe(`suites:
  - framework: pytest
    directory: .
    overrides:
      # tests/test_a.py:3  torch.cuda.is_available()
      - tag: gpu
        requirements:
          hardware: [cuda, rocm]
  - framework: vitest
    directory: web
    overrides:
      # a: b.test.ts:1  navigator.gpu
      # and 3 more
      - match:
          - "a: b.test.ts"
          - "[x].test.ts > #1"
        resources:
          gpu: 2
`);
    expect(parse(adopted(null, []))).toEqual({
      suites: [
        { framework: "pytest", directory: "." },
        { framework: "vitest", directory: "web" },
      ],
    });
  });

  test("keeps every byte that is there: only lines are added", () => {
    const after = adopted(BLOCK, [[gpu], [files]]);
    expect(after).toBe(
      BLOCK.replace(
        "retries: 2   # why\n",
        `retries: 2   # why
    # tests/test_a.py:3  torch.cuda.is_available()
    - tag: gpu
      requirements:
        hardware: [cuda, rocm]
`,
      ).replace(
        "      b\n# end\n",
        `      b
  overrides:
    # a: b.test.ts:1  navigator.gpu
    # and 3 more
    - match:
        - "a: b.test.ts"
        - "[x].test.ts > #1"
      resources:
        gpu: 2
# end
`,
      ),
    );
    const windows = `\uFEFF${BLOCK.replaceAll("\n", "\r\n")}`;
    expect(adopted(windows, [[gpu], [files]])).toBe(`\uFEFF${after.replaceAll("\n", "\r\n")}`);
    expect(adopted(BLOCK, [])).toBe(BLOCK);
  });

  test.each([
    ["nothing", "", "suites:"],
    ["only comments, without a last line end", "# mine", "# mine\nsuites:"],
    ["no suites", "watch: [torch]", "watch: [torch]\nsuites:"],
    ["an empty list of suites", "suites: []  # none\nwatch: [torch]\n", "suites:\n  - framework"],
    [
      "an empty list of overrides",
      "suites:\n  - overrides: []\n    framework: pytest\n",
      "overrides:\n      # tests/test_a.py",
    ],
    ["no overrides, at the end", "suites:\n- framework: pytest", "suites:\n- framework: pytest\n  overrides:\n    #"],
    ["a suite in one line", "suites: [{framework: pytest}]", 'suites: [{framework: pytest, "overrides": [{"tag":"gpu"'],
    [
      "overrides in one line",
      "suites: [{framework: pytest, overrides: [{match: a, retries: 1},]}]\n",
      '{match: a, retries: 1}, {"tag":"gpu"',
    ],
    ["JSON", '{"suites": [{"framework": "pytest"}]}', '{"suites": [{"framework": "pytest", "overrides": [{"tag":"gpu"'],
    ["JSON of nothing", "{}", '{"suites": [{"framework":"pytest"'],
    [
      "a folded text",
      "suites:\n  - framework: pytest\n    env:\n      A: |\n        b\n\nwatch: []\n",
      "        b\n    overrides:\n",
    ],
  ])("with %s gets what is new in its own form", (_name, text, part) => {
    const after = adopted(text, [[gpu]]);
    expect(after).toContain(part);
    const [first] = project.parse(parse(after)).suites;
    expect(first).toMatchObject({ framework: "pytest" });
    expect(first?.overrides.at(-1)).toEqual(gpu.override);
    const before = (parse(text) ?? {}) as Record<string, unknown>;
    for (const [key, value] of Object.entries(before))
      if (key !== "suites") expect(parse(after)).toMatchObject({ [key]: value });
  });

  test("refuses an alias, which says the same in several places", () => {
    const text =
      "suites:\n  - framework: pytest\n    overrides: &o\n      - { match: a, retries: 1 }\n  - framework: vitest\n    overrides: *o\n";
    expect(() => adopted(text, [[], [gpu]])).toThrow("overrides is an alias");
    expect(adopted(text, [[gpu], []])).toContain("- tag: gpu");
  });
});
