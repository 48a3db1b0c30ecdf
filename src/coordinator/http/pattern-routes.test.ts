import { afterEach, beforeEach, expect, test } from "vitest";
import type { PatternView } from "../../contracts/index.ts";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
  api.fake.patterns.push(pattern);
});
afterEach(() => api.close());

const pattern: PatternView = {
  pattern_id: "p1",
  failure: "crash",
  factors: { worker: "w1" },
  same_attempts: { machine_class: "c 4" },
  attempts: 20,
  failures: 18,
  attempts_elsewhere: 100,
  failures_elsewhere: 1,
  p: 1e-12,
  q: 1e-10,
  odds_ratio: 400,
  odds_ratio_low: 50,
  odds_ratio_high: 3_000,
  examples: [{ run_id: "r", task_id: "t", attempt: 1 }],
  state: "avoided",
  found_at: "2026-01-01T00:00:00.000Z",
  since: "2026-01-01T00:00:00.000Z",
  until: "2026-01-01T00:15:00.000Z",
  by: "scheduler",
  reason: "fails too often to be used",
};

test("patterns are listed", async () => {
  expect(await (await api.call("/api/v1/patterns", { as: "viewer" })).json()).toEqual({ items: [pattern] });
});

test("an administrator decides what is done about one", async () => {
  const json = { action: "allow", reason: "repaired" };
  const answered = await api.call("/api/v1/patterns/p1", { method: "PUT", as: "admin", json });
  expect([answered.status, await answered.json()]).toMatchObject([200, { pattern_id: "p1", state: "allowed" }]);
  expect(api.fake.calls).toEqual([["setPattern", "p1", "allow", "repaired", "the admin"]]);
  const refused = await api.call("/api/v1/patterns/p1", { method: "PUT", as: "submitter", json });
  expect(refused.status).toBe(403);
});

test.each([
  [{ action: "forget" }, "action"],
  [{}, "action"],
  [{ action: "avoid", until: 3 }, "until"],
])("%j is refused at %s", async (json, path) => {
  expect(await api.refused("/api/v1/patterns/p1", { method: "PUT", json })).toMatchObject({ status: 400, path });
});
