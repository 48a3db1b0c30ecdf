import { expect, test } from "vitest";
import { explain } from "./explain.ts";
import { openedAfter } from "./fallback.ts";
import { Bench, spec } from "./scheduler-acceptance.ts";

const patient = spec("a", {
  requirements: { hardware: ["cuda"] },
  fallback: [
    { hardware: ["webgpu"], after_seconds: 10 },
    { hardware: ["cpu"], after_seconds: 30 },
  ],
});

test("another platform is taken once the task has waited for it, and the lease says which set was met", () => {
  const it = new Bench();
  it.worker("w1", { hardware: ["cpu"] });
  it.submit([patient]);
  it.pass(29_999);
  expect(it.task("a").state).toBe("queued");
  expect(explain(it.state, it.task("a")).workers[0]).toMatchObject({ fits: false });
  it.pass(1);
  expect(it.task("a").leases[0]).toMatchObject({ workerId: "w1", hardware: "cpu", alternative: 2 });
});

test("the preferred platform is taken while it is there, also later", () => {
  const it = new Bench();
  it.worker("slow", { hardware: ["cpu"] });
  it.worker("fast", { hardware: ["cuda"] });
  it.submit([patient]);
  expect(it.task("a").leases[0]).toMatchObject({ workerId: "fast", alternative: 0 });
});

test("the waiting times are those of the task", () => {
  expect([0, 9_999, 10_000, 30_000].map((ms) => openedAfter(patient, ms))).toEqual([0, 0, 1, 2]);
});
