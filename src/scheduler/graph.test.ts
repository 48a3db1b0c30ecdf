import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { capabilityDocument, taskSpec } from "../contracts/index.ts";
import { checkGraph } from "./graph.ts";
import { Bench, bench, capabilities, spec } from "./scheduler-acceptance.ts";

/** Whether something can be reached from itself, by following every way. */
function isCircular(edges: readonly (readonly [number, number])[]): boolean {
  const reaches = (from: number, to: number, seen: readonly number[] = []): boolean =>
    edges.some(([a, b]) => a === from && (b === to || (!seen.includes(b) && reaches(b, to, [...seen, b]))));
  return edges.some(([a]) => reaches(a, a));
}

test("a circle is found exactly when there is one, and what is named is a circle", () => {
  const edge = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 }));
  const edges = fc.uniqueArray(edge, { maxLength: 8, selector: ([a, b]) => `${a} ${b}` });
  fc.assert(
    fc.property(edges, (all) => {
      const tasks = Array.from({ length: 6 }, (_, index) =>
        spec(`t${index}`, { depends_on: all.filter(([a]) => a === index).map(([, b]) => `t${b}`) }),
      );
      const problem = checkGraph(tasks);
      expect(problem?.code).toBe(isCircular(all) ? "cyclic_dependency" : undefined);
      const named = /circle: (.*)\.$/.exec(problem?.message ?? "")?.[1]?.split(" → ") ?? [];
      for (const [index, name] of named.slice(0, -1).entries())
        expect(all).toContainEqual([Number(name.slice(1)), Number(named[index + 1]?.slice(1))]);
    }),
    { numRuns: 500 },
  );
});

describe("large runs", () => {
  test("a task that waits for 10,000 others starts after the last of them", () => {
    const it = new Bench();
    it.worker("w1", { slots: 1_000, credits: 1_000 });
    const names = Array.from({ length: 10_000 }, (_, index) => `t${index}`);
    it.submit([...names.map((name) => spec(name)), spec("last", { depends_on: names })]);
    for (let ended = 0; ended < names.length; ended += 1) {
      expect(it.task("last").state).toBe("blocked");
      const [lease] = it.state.leases.values();
      it.finish(lease?.task.taskId ?? "");
    }
    expect(it.task("last").state).toBe("leased");
  });

  test("100,000 tasks are taken in one event, or refused as a whole", () => {
    const it = bench("w1");
    const tasks = Array.from({ length: 100_000 }, (_, index) => ({ ...spec("t"), task_id: `t${index}` }));
    const from = it.journal.length;
    const bad = [...tasks, spec("t7")];
    expect(it.submit(bad)).toMatchObject({ type: "refused", fault: { path: "tasks[100000].task_id" } });
    expect([it.journal.length, it.state.runs.size, it.state.classes.size]).toEqual([from, 0, 0]);
    expect(it.submit(tasks)).toMatchObject({ type: "run_accepted", tasks: 100_000 });
    expect(it.journal.slice(from).filter(({ event }) => event.type === "run_submitted")).toHaveLength(1);
    expect(it.state.counts.total).toBe(100_000);
  });
});

describe("what the schemas refuse", () => {
  const base = { task_id: "a", type: "command", config: { command: "true" } };
  const tooMany = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, "x"]));
  test.each([
    { resources: { cpu: Number.NaN } },
    { resources: { cpu: -1 } },
    { resources: { cpu: 0 } },
    { resources: { memory_gb: 1e12 } },
    { resources: { memory_gb: Number.POSITIVE_INFINITY } },
    { resources: { gpu: 1.5 } },
    { resources: { gpu: 0, gpu_memory_gb: 4 } },
    { resources: { locks: ["a", "a"] } },
    { resources: { tpu: 1 } },
    { labels: tooMany },
    { requirements: { labels: tooMany } },
    { requirements: { min_memory_gb: -5 } },
    { priority: 101 },
    {
      fallback: [
        { hardware: ["cpu"], after_seconds: 9 },
        { hardware: ["cuda"], after_seconds: 1 },
      ],
    },
  ])("a task with %j", (wrong) => {
    expect(taskSpec.safeParse(base).success).toBe(true);
    expect(taskSpec.safeParse({ ...base, ...wrong }).success).toBe(false);
  });

  test.each([
    { memory_gb: -1 },
    { memory_gb: Number.NaN },
    { memory_gb: 1e300 },
    { cpu: { model: "c", cores: 0, threads: 1 } },
    { cpu: { model: "c", cores: 1e9, threads: 1 } },
    { gpus: [{ index: -1, vendor: "v", name: "g" }] },
    { labels: tooMany },
    { pools: [] },
    { hardware: ["abacus"] },
  ])("a worker with %j", (wrong) => {
    expect(capabilityDocument.safeParse(capabilities()).success).toBe(true);
    expect(capabilityDocument.safeParse({ ...capabilities(), ...wrong }).success).toBe(false);
  });
});
