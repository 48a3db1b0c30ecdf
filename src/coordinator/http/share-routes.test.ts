import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.close());

test("shares are listed", async () => {
  const share = { kind: "pool" as const, name: "default", weight: 1, max_running: null, running: 2, waiting: 3 };
  api.fake.shares.push(share);
  expect(await (await api.call("/api/v1/shares", { as: "viewer" })).json()).toEqual({ items: [share] });
});

test("a share is set as a whole, by whoever asks", async () => {
  const put = { method: "PUT", as: "admin" } as const;
  const answered = await api.call("/api/v1/shares/user/team%2Fci", { ...put, json: { weight: 2.5, max_running: 10 } });
  const share = { kind: "user", name: "team/ci", weight: 2.5, max_running: 10, running: 0, waiting: 0 };
  expect([answered.status, await answered.json()]).toEqual([200, share]);
  const reset = await api.call("/api/v1/shares/pool/gpu", { ...put, json: {} });
  expect(await reset.json()).toMatchObject({ name: "gpu", weight: 1, max_running: null });
  expect(api.fake.calls).toEqual([
    ["setShare", "user", "team/ci", "the admin"],
    ["setShare", "pool", "gpu", "the admin"],
  ]);
});

test.each([
  ["pool/gpu", { weight: 0 }, "weight"],
  ["pool/gpu", { weight: 1_001 }, "weight"],
  ["pool/gpu", { max_running: 0 }, "max_running"],
  ["pool/gpu", { max_running: 1.5 }, "max_running"],
  ["pool/gpu", { quota: 3 }, "quota"],
  ["run/gpu", {}, "kind"],
  ["pool/no%20spaces", {}, "name"],
])("%s with %j is refused at %s", async (at, json, path) => {
  expect(await api.refused(`/api/v1/shares/${at}`, { method: "PUT", json })).toMatchObject({ status: 400, path });
  expect(api.fake.calls).toEqual([]);
});
