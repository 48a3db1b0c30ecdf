import { expect, test } from "vitest";
import { assay, Site } from "./support/assay-process.ts";

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

test("a generated suite loads, tests and measures a model for real, and a wrong number fails it", async () => {
  await using site = await Site.open();
  const few = ["--batch-sizes", "1", "--data-dir", site.path("data"), "--submit", "--json"];
  const good = await assay("generate", "--model", "tiny-bert", "--set", "iterations=3", ...few);
  expect({ code: good.code, stderr: good.code === 0 ? "" : good.stderr }).toEqual({ code: 0, stderr: "" });
  const { tasks } = JSON.parse(good.stdout) as { tasks: { task_id: string; status: string }[] };
  expect(tasks.map(({ task_id, status }) => [task_id, status]).sort()).toEqual([
    ["tiny-bert@cpu/benchmark", "completed"],
    ["tiny-bert@cpu/load", "completed"],
    ["tiny-bert@cpu/test", "completed"],
  ]);
  const wrong = await assay("generate", "--model", "tiny-bert", "--set", "tolerance=1e-30", ...few);
  expect(wrong.code).toBe(1);
});

test("models, templates and workers that are not there are told", async () => {
  await using site = await Site.open();
  const generate = (...more: string[]) => assay("generate", ...more, "--data-dir", site.path("data"));
  expect((await generate("--model", "no-such")).stderr).toMatch(/error unknown_model: /);
  expect((await generate("--model", "tiny-bert", "--template", "assay/none")).stderr).toMatch(
    /error unknown_template: /,
  );
  const cuda = await generate("--model", "tiny-bert", "--hardware", "cuda", "--submit");
  expect([cuda.code, cuda.stderr]).toEqual([3, expect.stringMatching(/error impossible_requirement: /)]);
});
