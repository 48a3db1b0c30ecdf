import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { checkedTask, coordinatorFrame, taskSpec, workerFrame } from "../../contracts/index.ts";
import { anyCoordinatorFrame, anyWorkerFrame } from "./frame-arbitraries-acceptance.ts";
import { coordinatorFrameCheck, workerFrameCheck } from "./frame-check.ts";
import type { FrameCheck } from "./frame-check.ts";

type Plain = Record<string, unknown>;

/** Values that some fields take and others do not. */
const oddities = [
  null,
  true,
  "",
  "x",
  "-",
  "a b",
  "cpu",
  "command",
  "x".repeat(201),
  0,
  -0,
  -1,
  0.5,
  1,
  101,
  1e9,
  1e12,
  2e14,
  1e300,
  2 ** 53,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  [],
  [1],
  ["x"],
  {},
  { x: 1 },
  { is_simulated: false },
  undefined,
];

/** Every object and list in a value. */
function containersIn(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(containersIn)];
}

/** Takes a field away, adds one, or puts something else in its place. */
const change = fc.record({
  where: fc.nat(),
  which: fc.nat(),
  how: fc.constantFrom("remove" as const, "add" as const, "replace" as const),
  value: fc.constantFrom(...oddities),
});

function changed(
  original: unknown,
  changes: readonly (typeof change extends fc.Arbitrary<infer One> ? One : never)[],
): Plain {
  const copy = structuredClone(original) as Plain;
  for (const { where, which, how, value: odd } of changes) {
    const value = structuredClone(odd);
    const containers = containersIn(copy);
    const container = containers[where % containers.length] as Plain;
    const names = Object.keys(container);
    const name = names[which % Math.max(names.length, 1)];
    if (how === "add" || name === undefined)
      container[Array.isArray(container) ? String(names.length) : "more"] = value;
    else if (how === "replace") container[name] = value;
    else if (Array.isArray(container)) container.pop();
    else delete container[name];
  }
  return copy;
}

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

/** As it travels: without absent fields; and, when `short`, without the empty defaults that the arbitrary filled in. */
function travelling(value: unknown, short: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => travelling(item, short));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined && !(short && isEmpty(inner)));
  return Object.fromEntries(fields.map(([name, inner]) => [name, travelling(inner, short)]));
}

interface Link {
  side: string;
  anyFrame: fc.Arbitrary<object>;
  check: FrameCheck<object>;
  schema: z.ZodType;
}
const links: Link[] = [
  { side: "worker", anyFrame: anyWorkerFrame, check: workerFrameCheck, schema: workerFrame },
  { side: "coordinator", anyFrame: anyCoordinatorFrame, check: coordinatorFrameCheck, schema: coordinatorFrame },
];

describe.each(links)("frames of a $side", ({ anyFrame, check, schema }) => {
  test("those with a list that is common are made as by the schema", () => {
    let taken = 0;
    fc.assert(
      fc.property(anyFrame, fc.boolean(), (frame, short) => {
        const sent = travelling(frame, short) as Plain;
        const made = check({ n: 1, ...sent });
        const common = ["started", "finished", "assign", "ack"].includes(String(sent["type"]));
        const parsed = schema.safeParse(sent);
        expect(made !== undefined).toBe(common && parsed.success);
        if (made === undefined) return;
        taken += 1;
        expect(made).toStrictEqual(parsed.data);
      }),
      { numRuns: 1_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test("whatever is changed in them, none is taken that the schema refuses or makes differently", () => {
    fc.assert(
      fc.property(anyFrame, fc.array(change, { minLength: 1, maxLength: 3 }), (frame, changes) => {
        const sent = changed(frame, changes);
        const made = check(sent);
        if (made === undefined) return;
        const { n: _, ...rest } = sent;
        expect(schema.safeParse(rest)).toStrictEqual({ success: true, data: made });
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("tasks", () => {
  const common: Plain = { task_id: "t", type: "command", config: { command: "true" } };

  test.each([
    common,
    { ...common, priority: 0, timeout_seconds: 0.5, labels: { team: "x" }, depends_on: ["a"], requirements: {} },
    { ...common, config: { command: ["a", ""], env: {}, artifacts: ["x"], cwd: "/" } },
    { task_id: "t", type: "model", config: { model: "bert" } },
    {
      task_id: "t",
      type: "suite",
      config: { framework: "pytest", workspace: { folder: "/w" }, tests: ["a.py::b"] },
      retry_policy: { max_retries: 0 },
    },
    { task_id: "t", type: "api", config: { url: "http://127.0.0.1/" } },
    { task_id: "t", type: "hardware" },
    { task_id: "t", type: "browser" },
  ])("%j is made as by the schema", (task) => {
    expect(checkedTask(task)).toStrictEqual(taskSpec.parse(task));
  });

  test.each([
    null,
    7,
    {},
    { ...common, task_id: "a b" },
    { ...common, task_id: "t\n" },
    { ...common, type: "party" },
    { ...common, priority: 101 },
    { ...common, priority: 1.5 },
    { ...common, timeout_seconds: 0 },
    { ...common, timeout_seconds: 604_801 },
    { ...common, more: 1 },
    { ...common, labels: [] },
    { ...common, depends_on: {} },
    { ...common, config: { command: "" } },
    { ...common, config: { command: "x", more: 1 } },
    { ...common, config: [] },
    { task_id: "t", type: "command" },
  ])("%j is left to the schema, which refuses it", (task) => {
    expect(checkedTask(task)).toBeUndefined();
    expect(taskSpec.safeParse(task).success).toBe(false);
  });
});
