import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { checkGenerated, errorPage, generate } from "./generate.ts";
import { tempTree } from "./temp-tree.ts";

it("writes what differs, and tells it when only checking", async () => {
  const root = tempTree({ "docs/a.md": "old", "docs/b.md": "same" });
  const files = [
    { path: "docs/a.md", content: () => Promise.resolve("new") },
    { path: "docs/b.md", content: () => Promise.resolve("same") },
    { path: "schema/c.json", content: () => Promise.resolve("{}") },
  ];
  const stale = await checkGenerated(root, files);
  expect(stale.map(({ path }) => path)).toEqual(["docs/a.md", "schema/c.json"]);
  expect(await generate(root, files)).toEqual(["docs/a.md", "schema/c.json"]);
  expect(readFileSync(join(root, "docs/a.md"), "utf8")).toBe("new");
  expect(await checkGenerated(root, files)).toEqual([]);
});

it("lists error codes in order, one row each, whatever their texts contain", () => {
  const page = errorPage({ B_TWO: { meaning: "a | b", next: "do\nthis" }, A_ONE: { meaning: "m", next: "n" } });
  expect(page.split("\n").slice(-4)).toEqual([
    "| --- | --- | --- |",
    "| `A_ONE` | m | n |",
    "| `B_TWO` | a \\| b | do this |",
    "",
  ]);
});
