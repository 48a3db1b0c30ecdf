import { appendFile, cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { assay, Site } from "./support/assay-process.ts";

interface Cell {
  model: string;
  precision: string;
  backend: string;
  state: string;
  reason: string | null;
  p50_ms: number | null;
  n: number | null;
}

interface Printed {
  bench: string;
  figures: object;
  cells: Cell[];
}

function lastLine(stdout: string): Printed {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Printed;
}

const few = ["--iterations", "2", "--batch-sizes", "1,2"];

test("models are measured on backends, with a state and a reason for each cell, and the cells are kept", async () => {
  await using site = await Site.open();
  const at = ["--data-dir", site.path("data"), "--json"];
  const first = await assay(
    "matrix",
    "--models",
    "tiny-vit",
    "--backends",
    "ort-node/cpu",
    "ort-web/wasm",
    ...few,
    ...at,
  );
  expect({ code: first.code, stderr: first.code === 0 ? "" : first.stderr }).toEqual({ code: 0, stderr: "" });
  const measured = lastLine(first.stdout);
  expect(Object.keys(measured)).toEqual([
    ...["bench", "figures", "rows", "backends", "cells", "recommendations", "changes"],
  ]);
  expect(measured).toMatchObject({
    bench: "matrix",
    figures: { models: 1, backends: 2, cells_works: 2, cells_failed_with_reason: 0, cells_unproven: 0 },
  });
  expect(measured.cells.map(({ backend, state, n }) => [backend, state, n])).toEqual([
    // One in each of three launches: two do not divide by three.
    ["ort-node/cpu", "works", 3],
    ["ort-web/wasm", "works", 3],
  ]);

  // A folder has no reference, so nothing proves its numbers; and it has no file of another precision.
  const generated = join(site.path("data"), "workers", "local-1", "cache", "generated");
  const [name = ""] = (await readdir(generated)).filter((folder) => folder.startsWith("tiny-vit"));
  const folder = site.path("my-vit");
  await cp(join(generated, name), folder, { recursive: true });
  const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as Record<string, unknown>;
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, assay_generated: undefined }));
  const precisions = ["--precisions", "fp32", "bf16"];
  const own = await assay("matrix", "--models", folder, "--backends", "ort-node/cpu", ...precisions, ...few, ...at);
  expect(own.code).toBe(3);
  expect(lastLine(own.stdout).figures).toMatchObject({ cells_unproven: 1, cells_failed_with_reason: 1 });
  expect(lastLine(own.stdout).cells).toMatchObject([
    { precision: "fp32", state: "not_proven", reason: expect.stringMatching(/^output_matches_reference: there is no/) },
    { precision: "bf16", state: "failed", reason: expect.stringMatching(/^model_file_missing: .* precision bf16/) },
  ]);

  // The same model with another file (a second producer_name), on another backend: what was measured before is out of date.
  await appendFile(join(folder, "onnx", "model.onnx"), Buffer.from([0x12, 0x01, 0x78]));
  await assay("matrix", "--models", folder, "--backends", "ort-web/wasm", ...few, ...at);
  const shown = lastLine((await assay("matrix", "--show", ...at)).stdout);
  const states = shown.cells.map(({ model, precision, backend, state }) => [
    model === folder,
    precision,
    backend,
    state,
  ]);
  expect(states).toEqual([
    [true, "bf16", "ort-node/cpu", "failed"],
    [true, "bf16", "ort-web/wasm", "not_run"],
    [true, "fp32", "ort-node/cpu", "stale"],
    [true, "fp32", "ort-web/wasm", "not_proven"],
    [false, "fp32", "ort-node/cpu", "works"],
    [false, "fp32", "ort-web/wasm", "works"],
  ]);
  expect(shown.cells[2]?.reason).toMatch(/^the model's file has changed since; it was not proven, /);
  const filtered = await assay("matrix", "--show", "--models", "tiny-vit", "--hardware", "wasm", ...at);
  expect(lastLine(filtered.stdout).cells.map(({ model, backend }) => [model, backend])).toEqual([
    ["tiny-vit", "ort-web/wasm"],
  ]);
});

test("a backend that is not proven is no column: the command says what was tried, and why not", async () => {
  await using site = await Site.open();
  const { code, stderr } = await assay("matrix", "--backends", "ort-node/dml", "--data-dir", site.path("data"));
  expect(code).toBe(5);
  expect(stderr).toMatch(
    /error nothing_matched: workers proved only ort-node\/cpu.*; ort-node\/dml: backend_unavailable/,
  );
});

test("--show without results says so", async () => {
  await using site = await Site.open();
  const { code, stderr } = await assay("matrix", "--show", "--data-dir", site.path("data"));
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^error not_found: /)]);
});
