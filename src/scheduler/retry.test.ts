import fc from "fast-check";
import { expect, test } from "vitest";
import { failureClasses } from "../contracts/index.ts";
import type { FailureClass } from "../contracts/index.ts";
import { explain } from "./explain.ts";
import { MAX_LOSSES, afterFailure } from "./retry.ts";
import { Bench, bench, spec } from "./scheduler-acceptance.ts";

const kind = fc.constantFrom(...failureClasses);

test("each class of failure has its own budget, delays stay within theirs, and the answer is always the same", () => {
  fc.assert(
    fc.property(fc.array(kind, { maxLength: 12 }), kind, fc.integer({ min: 0, max: 3 }), (before, now, max_retries) => {
      const it = new Bench();
      it.submit([spec("a", { retry_policy: { max_retries, retry_delay_seconds: 10 } })], { waitForCapacity: true });
      const past = before.map((failureClass: FailureClass, index) => ({
        attempt: index + 1,
        leaseSeq: index + 1,
        workerId: "w" as never,
        outcome: "failed" as const,
        failureClass,
        digest: null,
        conflicted: false,
      }));
      const task = { ...it.task("a"), past };
      const same = before.filter((one) => one === now).length;
      const decide = () =>
        afterFailure(task, { failure: { class: now, message: "m" }, workerId: "w" as never, nowMs: 5_000 });
      const budget = now === "worker_lost" ? MAX_LOSSES - 1 : now === "assertion" ? 0 : max_retries;
      const after = decide();
      expect(decide()).toEqual(after);
      const tried = same < budget ? "queued" : "failed";
      expect(after.state).toBe(now === "cancelled" ? "cancelled" : tried);
      if (after.state !== "queued") return;
      expect(after.notBeforeMs).toBeGreaterThanOrEqual(5_000);
      expect(after.notBeforeMs).toBeLessThanOrEqual(5_000 + Math.min(10_000 * 2 ** same, 600_000));
    }),
  );
});

test("poison: lost under three different workers, and it says so and names them; three times under the same one is not", () => {
  const lose = (it: Bench): void => {
    const [name = ""] = it.on("a");
    it.start("a");
    const { sessionId, workerId } = it.workerOf(name);
    const gone = { workerId, sessionId: sessionId ?? "", reason: "cut", graceMs: 0 };
    it.do({ type: "worker_disconnected", ...gone });
    it.pass(0);
  };
  const it = bench("w1", "w2", "w3", "w4");
  it.submit([spec("a")]);
  const names = [0, 1, 2].map(() => {
    const [name] = it.on("a");
    lose(it);
    return name;
  });
  expect(new Set(names).size).toBe(3);
  expect(it.task("a")).toMatchObject({ state: "failed", failureClass: "worker_lost" });
  const last = it.journal.findLast(({ event }) => event.type === "attempt_finished");
  expect(last?.event).toMatchObject({ failure: { class: "worker_lost", reason: "poison" } });
  for (const name of names) expect(JSON.stringify(last?.event)).toContain(name);
  expect(explain(it.state, it.task("a")).summary).toContain(`as poison: ${names.join(", ")}`);
  const alone = new Bench();
  for (let count = 1; count <= MAX_LOSSES; count += 1) {
    alone.worker("w", { incarnation: `${count}` });
    if (count === 1) alone.submit([spec("a")]);
    // One that connects again and again is held for a while.
    alone.pass(10 * 60_000);
    expect(alone.on("a")).toEqual(["w"]);
    lose(alone);
    expect(alone.task("a").state).toBe(count < MAX_LOSSES ? "queued" : "failed");
  }
  expect(alone.journal.findLast(({ event }) => event.type === "attempt_finished")?.event).not.toMatchObject({
    failure: { reason: "poison" },
  });
});

test("a retry goes to a worker on which the task has not failed, when one is as free", () => {
  const it = bench("w1", "w2");
  it.submit([spec("a", { retry_policy: { max_retries: 3, retry_delay_seconds: 0 } })]);
  const [first = ""] = it.on("a");
  it.finish("a", { status: "failed", failure: { class: "crash", message: "m" } });
  expect(it.on("a")).not.toEqual([first]);
});
