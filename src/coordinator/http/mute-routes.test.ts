import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.close());

const mute = {
  ...{ mute_id: "m1", framework: "pytest" as const, directory: ".", test_id: "a.py::t[🎉\n]", reason: "slow net" },
  ...{ until: "2030-01-31T00:00:00.000Z", muted_by: "the submitter", since: "2026-01-01T00:00:00.000Z" },
};

test("a submitter mutes a test and unmutes it; its owner is who mutes it unless another is named", async () => {
  const { framework, test_id, reason, until } = mute;
  const json = { framework, test_id, reason: `  ${reason} `, until };
  const muted = await api.call("/api/v1/mutes", { as: "submitter", json });
  expect([muted.status, await muted.json()]).toEqual([200, { ...mute, owner: "the submitter" }]);
  const owned = await api.call("/api/v1/mutes", { as: "submitter", json: { ...json, owner: "ada" } });
  expect(await owned.json()).toEqual({ ...mute, owner: "ada" });
  expect((await api.call("/api/v1/mutes/m1", { method: "DELETE", as: "submitter" })).status).toBe(204);
  expect(api.fake.calls).toEqual([
    ["muteTest", test_id, "the submitter"],
    ["muteTest", test_id, "the submitter"],
    ["unmuteTest", "m1", "the submitter"],
  ]);
});

test("a viewer lists what is muted, with the evidence, and changes nothing", async () => {
  const evidence = { runs: 2, passes: 1, failures: 1, flaky_probability: 0.9 };
  api.fake.mutes.push({ ...mute, owner: "ada", evidence });
  const listed = await api.call("/api/v1/mutes", { as: "viewer" });
  expect(await listed.json()).toEqual({ items: [{ ...mute, owner: "ada", evidence }] });
  expect(await api.refused("/api/v1/mutes", { as: "viewer", json: {} })).toMatchObject({ status: 403 });
});

test.each([
  [{ test_id: "t", reason: "r" }, "framework"],
  [{ framework: "pytest", test_id: "", reason: "r" }, "test_id"],
  [{ framework: "pytest", test_id: "t" }, "reason"],
  [{ framework: "pytest", test_id: "t", reason: "  " }, "reason"],
  [{ framework: "pytest", test_id: "t", reason: "r", directory: "../up" }, "directory"],
  [{ framework: "pytest", test_id: "t", reason: "r", until: "tomorrow" }, "until"],
  [{ framework: "pytest", test_id: "t", reason: "r", forever: true }, "forever"],
])("%j is refused at %s", async (json, path) => {
  expect(await api.refused("/api/v1/mutes", { json })).toMatchObject({ status: 400, path });
  expect(api.fake.calls).toEqual([]);
});
