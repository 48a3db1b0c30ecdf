import { expect, test } from "vitest";
import { Site } from "./support/assay-process.ts";

test("templates and their numbers outlive the coordinator", async () => {
  await using site = await Site.open();
  const first = await site.coordinator();
  await first.client.addTemplate({ name: "nightly", description: "one", extends: "assay/test" });
  await first.client.addTemplate({ name: "nightly", description: "two" });
  await first.client.addTemplate({ name: "gone" });
  await first.client.removeTemplate("gone");
  await first.process.stop();
  const { client } = await site.coordinator();
  expect(await client.templates()).toMatchObject([{ name: "nightly", version: 2, description: "two", extends: null }]);
  expect(await client.template("nightly", 1)).toMatchObject({ version: 1, template: { extends: "assay/test" } });
  await expect(client.template("gone")).rejects.toMatchObject({ code: "not_found" });
  expect(await client.addTemplate({ name: "gone" })).toMatchObject({ version: 2 });
  expect(await client.stateHash()).toMatchObject({ equal: true });
});
