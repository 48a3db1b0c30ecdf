import { expect, test } from "vitest";
import { template } from "../../contracts/index.ts";
import type { TemplateInput } from "../../contracts/index.ts";
import { modelFacts } from "../../models/index.ts";
import { expandTemplate } from "./expand-template.ts";
import type { GeneratedTask } from "./expand-template.ts";
import { mergedTemplate } from "./merged-template.ts";
import { builtInTemplates } from "./template-file.ts";

const base: TemplateInput = {
  name: "base",
  parameters: { sizes: { type: "integer", list: true, default: [1], min: 1, max: 8 }, word: { type: "string" } },
  tasks: [
    { task_id: "a", type: "model", config: { model: "${{ model }}", batch_sizes: "${{ sizes }}" } },
    { task_id: "b", type: "command", depends_on: ["a"], config: { command: "echo ${{ word }} ${HOME}" } },
  ],
};

async function made(own: TemplateInput, parameters: Record<string, string>): Promise<GeneratedTask[]> {
  const models = [await modelFacts("assay/tiny-bert", { cwd: "/" })];
  const whole = mergedTemplate([template.parse(own), template.parse(base)]);
  return expandTemplate({ template: whole, parameters, models, targets: [{ hardware: "cpu" }] });
}

test("a child changes what it names, and tasks wait for those of their model and platform", async () => {
  const own = { name: "own", parameters: { word: { default: "hi" } }, tasks: [{ task_id: "b", priority: 10 }] };
  const tasks = (await made(own, { sizes: "2,4" })).map(({ task }) => task);
  expect(tasks).toMatchObject([
    { task_id: "tiny-bert@cpu/a", priority: 51, config: { model: "tiny-bert", batch_sizes: [2, 4] } },
    {
      task_id: "tiny-bert@cpu/b",
      priority: 10,
      depends_on: ["tiny-bert@cpu/a"],
      config: { command: "echo hi ${HOME}" },
    },
  ]);
  expect(tasks[0]).toMatchObject({ requirements: { hardware: ["cpu"] }, resources: { memory_gb: 0.2 } });
});

test("a search for batch sizes has the time for all of them, and the memory for what was asked for", async () => {
  const [first] = base.tasks ?? [];
  const searching = { name: "own", tasks: [{ ...first, task_id: "a", config: { max_batch_size: 1024 } }] };
  const [plain] = await made({ name: "own" }, { word: "x" });
  const [search] = await made(searching as TemplateInput, { word: "x" });
  expect(search?.estimate.memoryGb).toBe(plain?.estimate.memoryGb);
  // 2047 samples instead of one for each iteration, besides the start.
  const start = 3;
  const seconds = ((plain?.estimate.seconds ?? 0) - start) * 2047 + start;
  expect(search?.estimate.seconds).toBeCloseTo(seconds);
});

test.each([
  [{}, {}, "bad_parameter", "parameter word has no default and must be given"],
  [{}, { word: "x", sizes: "0" }, "bad_parameter", "parameter sizes must be at least 1, not 0"],
  [{}, { word: "x", sizes: "two" }, "bad_parameter", "parameter sizes must be a whole number, not two"],
  [{}, { word: "x", size: "1" }, "bad_parameter", "template own has no parameter size; it has sizes, word"],
  [{ applies_to: { families: ["t5"] } }, { word: "x" }, "template_mismatch", /for the families t5; tiny-bert is of/],
  [{ applies_to: { hardware: ["cuda"] } }, { word: "x" }, "template_mismatch", /for the hardware cuda; cpu was/],
  [{ tasks: [{ task_id: "b", depends_on: ["c"] }] }, { word: "x" }, "missing_dependency", /tiny-bert@cpu\/c/],
] as const)("%j with %j is refused: %s", async (...[own, parameters, code, message]) => {
  const input = { name: "own", ...own } as TemplateInput;
  await expect(made(input, parameters)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test("what is built in is known by its names", () => {
  expect(builtInTemplates().map(({ name }) => name)).toEqual(["assay/benchmark", "assay/generation", "assay/test"]);
});
