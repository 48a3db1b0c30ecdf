import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

/** What pages bundle: everything but model folders on disk and the hub. */
const entrances = [
  "inputs.ts",
  "samples.ts",
  "architectures.ts",
  "catalogue.ts",
  "precision.ts",
  "onnx/onnx-reader.ts",
];

test("what a page needs imports nothing of Node", async () => {
  const waiting = [...entrances, "reference/reference-model.ts", "generator/generated-model.ts"].map(
    (path) => new URL(path, import.meta.url).href,
  );
  const seen = new Set<string>();
  for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
    if (seen.has(url)) continue;
    seen.add(url);
    const text = await readFile(new URL(url), "utf8");
    // Types are gone when a page runs.
    for (const [, specifier = ""] of text.matchAll(/^(?:import|export) (?!type )[^;]*from "([^"]+)";/gm)) {
      expect(specifier, url).toMatch(/^(\.|@bufbuild\/protobuf\/wire$)/);
      if (specifier.startsWith(".")) waiting.push(new URL(specifier, url).href);
    }
  }
  expect(seen.size).toBeGreaterThan(30);
});
