import { expect, test } from "vitest";
import type { DependencyCondition } from "../contracts/index.ts";
import { bench, spec } from "./scheduler-acceptance.ts";

const after = (condition: DependencyCondition) => spec("b", { depends_on: [{ task: "a", condition }] });

test.each([
  ["success", "completed", "leased"],
  ["success", "failed", "skipped"],
  ["failure", "completed", "skipped"],
  ["failure", "failed", "leased"],
  ["always", "completed", "leased"],
  ["always", "failed", "leased"],
] as const)("waits for %s: when the other %s, it is %s", (condition, end, state) => {
  const it = bench("w1");
  it.submit([spec("a"), after(condition)]);
  expect(it.task("b").state).toBe("blocked");
  it.finish("a", end === "completed" ? {} : { status: "failed", failure: { class: "assertion", message: "no" } });
  expect(it.task("b").state).toBe(state);
});

test("what is skipped by two is skipped once", () => {
  const it = bench("w1", "w2");
  it.submit([spec("a1"), spec("a2"), spec("b", { depends_on: ["a1", "a2"] }), spec("c", { depends_on: ["b", "a1"] })]);
  for (const id of ["a1", "a2"]) it.finish(id, { status: "failed", failure: { class: "assertion", message: "no" } });
  const skipped = it.journal.flatMap(({ event }) => (event.type === "task_skipped" ? [event.taskId] : []));
  expect(skipped.sort()).toEqual(["b", "c"]);
});
