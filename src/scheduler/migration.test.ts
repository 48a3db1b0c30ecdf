import { expect, test } from "vitest";
import { asWorkerId } from "../base/index.ts";
import { MIGRATE_AFTER_MS } from "./migration.ts";
import { Bench, bench, capabilities, spec } from "./scheduler-acceptance.ts";

test("what is held in reserve is called back for a free worker, and goes on only when it was handed over", () => {
  const it = bench("w1");
  it.submit([spec("a"), spec("b")]);
  it.start("a");
  it.worker("w2");
  it.pass(MIGRATE_AFTER_MS - 1);
  expect(it.task("b").leases[0]?.revoked).toBeNull();
  it.pass(1);
  expect(it.task("b").leases[0]).toMatchObject({ workerId: "w1", revoked: "waiting" });
  it.release("b");
  expect(it.on("b")).toEqual(["w2"]);
  expect(it.task("b").past[0]?.outcome).toBe("preempted");
});

test("a reserve that starts meanwhile is left where it is", () => {
  const it = bench("w1");
  it.submit([spec("a"), spec("b")]);
  it.start("a");
  it.worker("w2");
  it.pass(MIGRATE_AFTER_MS);
  it.finish("a");
  it.start("b");
  it.finish("b");
  expect(it.task("b").past.map(({ outcome, workerId }) => [outcome, workerId])).toEqual([["succeeded", "w1"]]);
});

test("new capabilities that do not fit call back what has not started, and leave what has", () => {
  const it = new Bench();
  it.worker("w1", { hardware: ["cuda"] });
  it.submit(["a", "b"].map((id) => spec(id, { requirements: { hardware: ["cuda"] } })));
  it.start("a");
  it.do({
    type: "update_capabilities",
    workerId: asWorkerId("w1"),
    sessionId: "w1-1",
    capabilities: capabilities({ hostname: "w1", hardware: ["cpu"] }),
    slots: 1,
    credits: 2,
  });
  expect(it.task("a").leases[0]?.revoked).toBeNull();
  expect(it.task("b").leases[0]?.revoked).toBe("waiting");
  it.release("b");
  expect(it.task("b").state).toBe("queued");
});
