import { expect, test } from "vitest";
import { nodeProject } from "./framework-acceptance.ts";
import { SeenLibraries } from "./seen-libraries.ts";

const watch = ["zod", "ws", "onnxruntime-node", "@huggingface/hub", "torch-of-nobody"];

test("what a test file and its imports load is real or missing, and what it puts a stand-in for is mocked", async () => {
  await using project = await nodeProject({
    "src/app.ts": 'import type { z } from "zod";\nimport { run } from "./model.js";\nexport { run };',
    "src/model.ts": 'import * as ort from "onnxruntime-node";\nexport const run = () => import("@huggingface/hub");',
    "a.test.ts": 'import { run } from "./src/app";\nconst nobody = () => require("torch-of-nobody/sub");',
    "b.test.ts": 'import "./src/app";\nimport { vi } from "vitest";\nvi.mock("onnxruntime-node", () => ({}));',
    "c.test.ts": 'import "./src/app";\njest.mock("./src/model", () => ({}));\nimport "ws";',
    "d.test.ts":
      'import "./src/app";\nt.mock.module("onnxruntime-node", {}); vi.mock(import("ws")); t.constructor.mock(); new t.toString.x();',
    "e.test.ts": "this is no program (",
  });
  const seen = new SeenLibraries(project.folder, "vitest", watch);
  expect(await seen.of("a.test.ts")).toEqual({
    "onnxruntime-node": "real",
    "@huggingface/hub": "real",
    "torch-of-nobody": "missing",
  });
  expect(await seen.of("b.test.ts")).toEqual({ "onnxruntime-node": "mocked", "@huggingface/hub": "real" });
  expect(await seen.of("c.test.ts")).toEqual({ ws: "real" });
  expect(await seen.of("d.test.ts")).toEqual({
    "onnxruntime-node": "mocked",
    ws: "mocked",
    "@huggingface/hub": "real",
  });
  expect(await seen.of("e.test.ts")).toEqual({});
  expect(await seen.of("gone.test.ts")).toEqual({});
});

test("Jest takes a stand-in for a package from the folder __mocks__", async () => {
  await using project = await nodeProject({
    "__mocks__/ws.js": "module.exports = {};",
    "a.test.js": 'require("ws"); require("zod");',
  });
  expect(await new SeenLibraries(project.folder, "jest", watch).of("a.test.js")).toEqual({ ws: "mocked", zod: "real" });
  expect(await new SeenLibraries(project.folder, "mocha", watch).of("a.test.js")).toEqual({ ws: "real", zod: "real" });
});
