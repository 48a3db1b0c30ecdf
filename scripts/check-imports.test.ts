import { describe, expect, it } from "vitest";

import { checkImports } from "./check-imports.ts";
import { tempTree } from "./temp-tree.ts";

const PACKAGES = JSON.stringify({
  dependencies: { zod: "1", ws: "1", pg: "1" },
  devDependencies: { vitest: "1" },
});

/** The findings for a tree of `files`, as `path:line message`. */
function findings(files: Record<string, string>): string[] {
  const root = tempTree({ "package.json": PACKAGES, ...files });
  return checkImports(root).map(({ path, line, message }) => `${path}:${line} ${message}`);
}

describe("the room table", () => {
  it("accepts what the table allows", () => {
    const files = {
      "src/base/index.ts": `export const one = 1;`,
      "src/contracts/index.ts": `import { z } from "zod";\nimport { one } from "../base/index.ts";\nexport const two = z.literal(one);`,
      "src/cli/main.ts": `import { readFile } from "node:fs/promises";\nimport { two } from "../contracts/index.ts";\nvoid readFile; void two;`,
      "test/any.test.ts": `import { it } from "vitest";\nimport { two } from "../src/contracts/index.ts";\nvoid it; void two;`,
    };
    expect(findings(files)).toEqual([]);
  });

  it.each([
    ["a value", `import { x } from "../coordinator/index.ts";`],
    ["a type", `import type { X } from "../coordinator/index.ts";`],
    ["an inline type", `export type Y = import("../coordinator/index.ts").X;`],
    ["a re-export", `export * from "../coordinator/index.ts";`],
    ["a dynamic import", "export const load = () => import(`../coordinator/index.ts`);"],
    ["a thread by URL", `new Worker(new URL("../coordinator/index.ts", import.meta.url));`],
    ["a thread by siblingModule", `siblingModule(import.meta.url, "../coordinator/index");`],
  ])("refuses %s from a room outside the table", (_, text) => {
    expect(findings({ "src/worker/agent.ts": `\n${text}` })).toEqual([
      "src/worker/agent.ts:2 worker may not import the room coordinator",
    ]);
  });

  it("holds for the tests of a room too", () => {
    expect(findings({ "src/stats/a.test.ts": `import "../journal/index.ts";` })).toEqual([
      "src/stats/a.test.ts:1 stats may not import the room journal",
    ]);
  });

  it("refuses every way into a room but its index", () => {
    expect(findings({ "src/worker/a.ts": `import "../base/clock.ts";` })).toEqual([
      "src/worker/a.ts:1 enter the room base through src/base/index.ts, not src/base/clock.ts",
    ]);
  });

  it("refuses a room that it does not know, and a way out of src", () => {
    expect(findings({ "src/misc/index.ts": `import "../../test/x.ts";` })).toEqual([
      "src/misc:1 is a room without a row in the table of scripts/check-imports.ts",
      "src/misc/index.ts:1 src may not import test/x.ts, which lies outside src",
    ]);
  });

  it("keeps sibling adapters apart, and lets both use what lies above them", () => {
    const files = {
      "src/journal/port.ts": "",
      "src/journal/sqlite/a.ts": `import "../port.ts";\nimport "../memory/b.ts";`,
      "src/journal/memory/b.ts": `import "../port.ts";`,
    };
    expect(findings(files)).toEqual([
      "src/journal/sqlite/a.ts:2 the adapters sqlite and memory of journal may not import each other",
    ]);
  });

  it("keeps tests out of the product", () => {
    const files = {
      "src/journal/index.ts": `export * from "./acceptance.ts";`,
      "src/journal/acceptance.ts": `import { it } from "vitest";\nvoid it;`,
    };
    expect(findings(files)).toEqual([
      "src/journal/index.ts:1 product code may not import the test file src/journal/acceptance.ts",
    ]);
  });
});

describe("modules from outside", () => {
  it("keeps Node out of the portable rooms, except in their tests", () => {
    const files = {
      "src/base/a.ts": `import "node:fs";`,
      "src/stats/b.ts": `import type { Stats } from "fs";\nexport type S = Stats;`,
      "src/stats/b.test.ts": `import "node:fs";`,
    };
    expect(findings(files)).toEqual([
      "src/base/a.ts:1 base runs outside Node too and may not import node:fs",
      "src/stats/b.ts:1 stats runs outside Node too and may not import fs",
    ]);
  });

  it("refuses a package the room may not use", () => {
    expect(findings({ "src/scheduler/a.ts": `import "ws";` })).toEqual([
      "src/scheduler/a.ts:1 scheduler may not import the package ws",
    ]);
  });

  it("refuses undeclared packages everywhere and development packages in the product", () => {
    const files = {
      "src/worker/a.ts": `import "left-pad/sub";\nimport "vitest";`,
      "bench/b.ts": `import "@scope/name/sub";\nimport "vitest";`,
    };
    expect(findings(files)).toEqual([
      "bench/b.ts:1 the package @scope/name is not declared in dependencies or devDependencies of package.json",
      "src/worker/a.ts:1 the package left-pad is not declared in dependencies of package.json",
      "src/worker/a.ts:2 the package vitest is not declared in dependencies of package.json",
    ]);
  });

  it("lets one file load a heavy package, and any file name its types", () => {
    const one = {
      "src/journal/postgres/pool.ts": `export const load = () => import("pg");`,
      "src/journal/postgres/types.ts": `import type { Pool } from "pg";\nexport type P = Pool;`,
    };
    expect(findings(one)).toEqual([]);
    expect(findings({ ...one, "src/results/b.ts": `import "pg";` })).toEqual([
      "src/journal/postgres/pool.ts:1 pg may be loaded in one file only, and is in src/journal/postgres/pool.ts, src/results/b.ts",
      "src/results/b.ts:1 pg may be loaded in one file only, and is in src/journal/postgres/pool.ts, src/results/b.ts",
    ]);
  });

  it("refuses a heavy package that comes with a room, and lets one that is loaded when it is used", () => {
    const files = {
      "src/journal/index.ts": `export * from "./postgres/pool.ts";`,
      "src/journal/postgres/pool.ts": `import { Pool } from "pg";\nexport const pool = new Pool();`,
    };
    expect(findings(files)).toEqual([
      "src/journal/postgres/pool.ts:1 pg is loaded whenever src/journal/index.ts is; load it with import() when it is used",
    ]);
    const late = `export const load = () => import("./postgres/pool.ts");`;
    expect(findings({ ...files, "src/journal/index.ts": late })).toEqual([]);
  });

  it("refuses an import whose name is computed", () => {
    expect(findings({ "src/worker/a.ts": `export const load = (name: string) => import(name);` })).toEqual([
      "src/worker/a.ts:1 a computed dynamic import hides from this check; write the name out",
    ]);
  });
});

describe("cycles", () => {
  it("names the files of a cycle once", () => {
    const files = {
      "src/stats/a.ts": `import "./b.ts";`,
      "src/stats/b.ts": `export * from "./c.ts";`,
      "src/stats/c.ts": `export const load = () => import("./a.ts");`,
    };
    expect(findings(files)).toEqual([
      "src/stats/a.ts:1 import cycle: src/stats/a.ts → src/stats/b.ts → src/stats/c.ts → src/stats/a.ts",
    ]);
  });

  it("does not count imports of types", () => {
    const files = {
      "src/stats/a.ts": `import type { B } from "./b.ts";\nexport type A = B;`,
      "src/stats/b.ts": `import "./a.ts";\nexport type B = 1;`,
    };
    expect(findings(files)).toEqual([]);
  });
});

describe("the deterministic room", () => {
  it.each([
    ["Date", "export const a = () => Date.now();"],
    ["Date", "export const a = () => new Date();"],
    ["Math.random", "export const a = () => Math.random();"],
    ["Math.random", "export const { random } = Math;"],
    ["an async function", "export async function a() {}"],
    ["an async function", "export class A { async a() {} }"],
    ["setTimeout", "setTimeout(() => {}, 1);"],
    ["crypto", "export const a = () => crypto.randomUUID();"],
    ["process", "export const a = () => process.env.HOME;"],
    ["globalThis", `export const a = () => globalThis["Date"];`],
    ["Promise", "export const a = Promise.resolve(1);"],
  ])("refuses %s in %s", (use, text) => {
    expect(findings({ "src/scheduler/a.ts": text })).toEqual([
      `src/scheduler/a.ts:1 ${use} has no place in a deterministic room; take the value as an argument`,
    ]);
  });

  it("accepts arithmetic, fields with such names, and its tests", () => {
    const files = {
      "src/scheduler/a.ts":
        "export const a = (x: { Date: number; process: string }) => Math.max(x.Date, x.process.length);",
      "src/scheduler/a.test.ts": "export const a = Date.now();",
    };
    expect(findings(files)).toEqual([]);
  });
});
