import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.close());

test("results of tests are listed with filters and pages", async () => {
  const answered = await api.call("/api/v1/tests?run_id=r&outcome=failed&limit=5", { as: "viewer" });
  expect(await answered.json()).toEqual({ items: [], next_cursor: null });
  expect(api.fake.calls).toEqual([["tests", { run_id: "r", outcome: "failed", limit: 5 }]]);
  expect(await api.refused("/api/v1/tests?outcome=broken")).toMatchObject({ status: 400, path: "outcome" });
});

test("many tests with long names are asked for at once", async () => {
  const test_ids = Array.from({ length: 50_000 }, (_, index) => `tests/${"deep/".repeat(15)}test_${index}`);
  const ask = (json: object) => ({ method: "POST", as: "viewer", json }) as const;
  const answered = await api.call("/api/v1/tests/known", ask({ framework: "pytest", test_ids }));
  expect([answered.status, await answered.json()]).toEqual([200, { items: [] }]);
  expect(api.fake.calls).toEqual([["knownTests", { framework: "pytest", directory: ".", test_ids }]]);
  const refusals = [
    [{ framework: "pytest", test_ids: [...test_ids, "one more"] }, "test_ids"],
    [{ framework: "pytest", test_ids: [] }, "test_ids"],
    [{ framework: "nose", test_ids: ["a"] }, "framework"],
    [{ framework: "pytest", directory: "../up", test_ids: ["a"] }, "directory"],
  ] as const;
  for (const [json, path] of refusals)
    expect(await api.refused("/api/v1/tests/known", ask(json))).toMatchObject({ status: 400, path });
});
