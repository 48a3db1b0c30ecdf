import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkGraph } from "./graph.ts";
import { MAX_GROUP, seatAll } from "./groups.ts";
import { Bench, bench, spec } from "./scheduler-acceptance.ts";
import type { WorkerRecord } from "./state.ts";

/** Whether everybody can have a seat, by trying all ways. */
function seatable(wishes: readonly (readonly number[])[], taken: readonly number[] = []): boolean {
  const [first, ...rest] = wishes;
  if (!first) return true;
  return first.some((seat) => !taken.includes(seat) && seatable(rest, [...taken, seat]));
}

test("all are seated, each on a worker of its own, exactly when there is a way", () => {
  const it = bench(...Array.from({ length: 5 }, (_, index) => `w${index}`));
  const workers: WorkerRecord[] = [...it.state.workers.values()];
  const wishes = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 4 })), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(wishes, (all) => {
      const members = all.map((wish) => ({ wish }));
      const seats = seatAll(members, ({ wish }) => workers.filter((_, index) => wish.includes(index)));
      expect(seats !== null).toBe(seatable(all));
      if (!seats) return;
      expect(new Set(seats.values()).size).toBe(members.length);
      for (const [{ wish }, worker] of seats) expect(wish).toContain(workers.indexOf(worker));
    }),
    { numRuns: 500 },
  );
});

describe("a group", () => {
  const pair = [spec("a", { group: "g" }), spec("b", { group: "g" })];

  test("starts as a whole or not at all", () => {
    const it = new Bench();
    it.worker("w1", { credits: 1 });
    it.submit(pair, { waitForCapacity: true });
    expect([it.on("a"), it.on("b")]).toEqual([[], []]);
    it.worker("w2", { credits: 1 });
    expect(new Set([...it.on("a"), ...it.on("b")])).toEqual(new Set(["w1", "w2"]));
  });

  test("is refused when the known workers could never start it together", () => {
    expect(bench("w1").submit(pair)).toMatchObject({ type: "refused", fault: { code: "impossible_requirement" } });
    const many = Array.from({ length: MAX_GROUP + 1 }, (_, index) => spec(`t${index}`, { group: "g" }));
    expect(checkGraph(many)).toMatchObject({ path: `tasks[${MAX_GROUP}].group` });
  });

  test("is called back when a member must start anew, and starts again together", () => {
    const it = bench("w1", "w2");
    it.submit(pair);
    it.start("a");
    it.start("b");
    it.finish("a", { status: "failed", failure: { class: "crash", message: "m" } });
    expect(it.task("b").leases[0]?.revoked).toBe("running");
    it.release("b");
    expect(it.state.leases.size).toBe(0);
    it.pass(700_000);
    expect([it.on("a"), it.on("b")].flat()).toHaveLength(2);
  });

  test("ends when a member ends without success", () => {
    const it = bench("w1", "w2");
    it.submit(pair);
    it.start("b");
    it.finish("a", { status: "failed", failure: { class: "assertion", message: "no" } });
    expect(it.task("b").cancelRequested).toBe(true);
    it.finish("b", { status: "cancelled" });
    expect([it.task("a").state, it.task("b").state]).toEqual(["failed", "cancelled"]);
  });
});
