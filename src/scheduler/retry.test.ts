import fc from "fast-check";
import { expect, test } from "vitest";
import { failureClasses } from "../contracts/index.ts";
import type { FailureClass } from "../contracts/index.ts";
import { MAX_LOSSES, afterFailure } from "./retry.ts";
import { Bench, spec } from "./scheduler-acceptance.ts";

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
