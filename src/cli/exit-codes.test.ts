import { describe, expect, it } from "vitest";
import { assayError } from "../contracts/index.ts";
import type { TaskCounts } from "../contracts/index.ts";
import { exitCodeOfError, exitCodeOfRun } from "./exit-codes.ts";

const counts = (some: Partial<TaskCounts>): TaskCounts => ({
  total: 3,
  waiting: 0,
  running: 0,
  completed: 0,
  failed: 0,
  error: 0,
  cancelled: 0,
  skipped: 0,
  ...some,
});

describe("exitCodeOfRun", () => {
  it.each([
    [0, "completed", { completed: 3 }],
    [1, "failed", { completed: 2, failed: 1 }],
    [3, "failed", { completed: 2, error: 1 }],
    [1, "failed", { completed: 1, failed: 1, error: 1 }],
    [1, "failed", { failed: 1, skipped: 2 }],
    [0, "completed", { completed: 2, skipped: 1 }],
    [3, "cancelled", { completed: 2, cancelled: 1 }],
    [1, "cancelled", { failed: 1, cancelled: 2 }],
    [3, "running", { completed: 2, running: 1 }],
  ] as const)("gives %i for a %s run with %j", (code, state, some) => {
    expect(exitCodeOfRun({ state, counts: counts(some) })).toBe(code);
  });
});

describe("exitCodeOfError", () => {
  it.each([
    [2, "unknown_field"],
    [2, "usage"],
    [2, "unauthenticated"],
    [3, "coordinator_unreachable"],
    [3, "impossible_requirement"],
    [5, "nothing_matched"],
    [130, "interrupted"],
  ] as const)("gives %i for %s", (code, error) => {
    expect(exitCodeOfError(assayError(error, "x"))).toBe(code);
  });

  it("gives 3 for what nobody foresaw", () => {
    expect(exitCodeOfError(new TypeError("x"))).toBe(3);
    expect(exitCodeOfError("text")).toBe(3);
  });
});
