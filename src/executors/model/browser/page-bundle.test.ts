import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { siblingModule } from "../../../base/index.ts";
import { pageProgram } from "./page-bundle.ts";

let cacheDir: string;
const source = siblingModule(import.meta.url, "../page/page-program");
const bundled = (cache: string): Promise<string> =>
  pageProgram(source, { runtimeAddress: "/runtime", cacheDir: cache });
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "assay-bundle-"));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

test("the program of a page loads nothing but the runtime, and is bundled again when its sources are others", async () => {
  const code = await bundled(cacheDir);
  expect(code).toContain("assayRun");
  const loaded = [...code.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(([, name]) => name);
  expect(new Set(loaded)).toEqual(new Set(["/runtime/ort.webgpu.min.mjs", "onnxruntime-web"]));
  const [name = ""] = await readdir(join(cacheDir, "browsers"));
  const file = join(cacheDir, "browsers", name);
  const kept = JSON.parse(await readFile(file, "utf8")) as { code: string; sha256: string };
  // What is kept is used as it is, as long as it is of these sources.
  await writeFile(file, JSON.stringify({ ...kept, code: "kept" }));
  expect(await bundled(cacheDir)).toBe("kept");
  await writeFile(file, JSON.stringify({ ...kept, code: "kept", sha256: "of other sources" }));
  expect(await bundled(cacheDir)).toBe(code);
  await writeFile(file, "{");
  expect(await bundled(cacheDir)).toBe(code);
  expect(await readdir(join(cacheDir, "browsers"))).toEqual([name]);
});

test("a cache that cannot be written costs time only", async () => {
  const file = join(cacheDir, "a-file");
  await writeFile(file, "");
  expect(await bundled(file)).toContain("assayRun");
});
