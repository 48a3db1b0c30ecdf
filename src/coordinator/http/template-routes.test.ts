import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.close());

const template = { name: "nightly", description: "d", applies_to: {}, parameters: {}, tasks: [] };
const origin = { name: "nightly", version: 2, create_time: "2026-01-01T00:00:00.000Z", created_by: "ada" };

test("templates are listed without, and shown with their documents", async () => {
  api.fake.templates.push({ ...origin, template });
  const listed = await api.call("/api/v1/templates", { as: "viewer" });
  expect(await listed.json()).toEqual({ items: [{ ...origin, description: "d", extends: null }] });
  const shown = await api.call("/api/v1/templates/nightly?version=2", { as: "viewer" });
  expect(await shown.json()).toEqual({ ...origin, template });
  const missing = await api.refused("/api/v1/templates/nightly?version=3");
  expect(missing).toMatchObject({ status: 404, message: "There is no template nightly version 3" });
});

test("templates are added and removed by name", async () => {
  const added = await api.call("/api/v1/templates", { json: { name: "nightly", description: "d" } });
  expect(await added.json()).toMatchObject({ version: 1, created_by: "the admin", template });
  expect((await api.call("/api/v1/templates/nightly", { method: "DELETE" })).status).toBe(204);
  expect(api.fake.calls).toEqual([
    ["addTemplate", "nightly", "the admin"],
    ["removeTemplate", "nightly", "the admin"],
  ]);
});

test.each([
  [{ name: "assay/test" }, "name"],
  [{ name: "x", extends: "no spaces" }, "extends"],
  [{ name: "x", tasks: [{ type: "model" }] }, "tasks[0].task_id"],
  [{ name: "x", parameters: { Big: { type: "string" } } }, "parameters.Big"],
  [{ name: "x", parameters: { n: { type: "int" } } }, "parameters.n.type"],
  [{ name: "x", parents: [] }, "parents"],
])("%j is refused at %s", async (json, path) => {
  expect(await api.refused("/api/v1/templates", { json })).toMatchObject({ status: 400, path });
  expect(api.fake.calls).toEqual([]);
});
