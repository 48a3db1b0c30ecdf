import { expect, test } from "vitest";
import { MAX_TEMPLATE_VERSIONS, template } from "../contracts/index.ts";
import type { TemplateInput } from "../contracts/index.ts";
import { copyBySnapshot } from "./scheduler-acceptance.ts";
import { emptyState } from "./state.ts";
import type { State } from "./state.ts";
import { step } from "./step.ts";
import { templateAt, templatesOf } from "./templates.ts";

/** Adds a template; gives its version, or the code of the refusal. */
function add(state: State, document: TemplateInput): number | string {
  const { reply } = step(state, { type: "add_template", template: template.parse(document), by: "ada" }, 1_000);
  if (reply.type === "template_added") return reply.added.version;
  return reply.type === "refused" ? `${reply.fault.code}: ${reply.fault.message}` : reply.type;
}

function remove(state: State, name: string): string {
  const { reply } = step(state, { type: "remove_template", name, by: "ada" }, 2_000);
  return reply.type === "refused" ? reply.fault.code : reply.type;
}

test("each new document is a new version, kept as it was; the same one is none", () => {
  const state = emptyState();
  expect(add(state, { name: "a", description: "one" })).toBe(1);
  expect(add(state, { name: "a", description: "two" })).toBe(2);
  expect(add(state, { name: "a", description: "two" })).toBe(2);
  expect(add(state, { name: "a", description: "one" })).toBe(3);
  const copy = copyBySnapshot(state);
  for (const kept of [state, copy]) {
    expect([1, 2, 3, 4].map((version) => templateAt(kept, "a", version)?.template.description)).toEqual([
      ...["one", "two", "one"],
      undefined,
    ]);
    expect(templatesOf(kept)).toMatchObject([{ name: "a", version: 3, created_by: "ada", extends: null }]);
  }
});

test("numbers go on after a removal", () => {
  const state = emptyState();
  add(state, { name: "a" });
  expect(remove(state, "a")).toBe("done");
  expect([templateAt(state, "a"), templatesOf(state), remove(state, "a")]).toEqual([undefined, [], "not_found"]);
  const copy = copyBySnapshot(state);
  expect(add(copy, { name: "a" })).toBe(2);
  expect(templateAt(copy, "a", 1)).toBeUndefined();
});

test("a parent must be there, and stays while it is extended", () => {
  const state = emptyState();
  expect(add(state, { name: "b", extends: "a" })).toBe("unknown_template: b@1 extends a, which there is not");
  add(state, { name: "a" });
  expect(add(state, { name: "b", extends: "a@2" })).toMatch(/^unknown_template/);
  expect(add(state, { name: "b", extends: "a" })).toBe(1);
  expect(add(state, { name: "c", extends: "assay/test" })).toBe(1);
  expect(remove(state, "a")).toBe("conflict");
  expect([remove(state, "b"), remove(state, "a")]).toEqual(["done", "done"]);
});

test("a circle is refused, and an older version of itself is none", () => {
  const state = emptyState();
  expect(add(state, { name: "a", extends: "a" })).toMatch(/^template_cycle: .*a@1 → a@1$/);
  add(state, { name: "a" });
  add(state, { name: "b", extends: "a" });
  expect(add(state, { name: "a", extends: "b" })).toMatch(/^template_cycle: .*a@2 → b@1 → a@2$/);
  expect(add(state, { name: "a", extends: "a@1" })).toBe(2);
});

test("no more are kept than there is room for", () => {
  const state = emptyState();
  for (let count = 0; count < MAX_TEMPLATE_VERSIONS; count += 1)
    add(state, { name: `n${count % 7}`, description: `${count}` });
  expect(add(state, { name: "more" })).toMatch(/^conflict: There are 1000 versions/);
  remove(state, "n0");
  expect(add(state, { name: "more" })).toBe(1);
});
