import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { taskSpec } from "../contracts/index.ts";
import type { BatchFigures, MatrixRecord, TaskView } from "../contracts/index.ts";
import { changeOf } from "./matrix-changes.ts";
import { matrixCsv } from "./matrix-csv.ts";
import { matrixDocument } from "./matrix-document.ts";
import { matrixHtml } from "./matrix-html.ts";
import { matrixMarkdown } from "./matrix-markdown.ts";
import { matrixFigures, reportOfLatest, reportOfRun } from "./matrix-report.ts";
import { matrixSections } from "./matrix-sections.ts";
import { matrixSvg } from "./matrix-svg.ts";

const nowMs = Date.parse("2026-11-25T00:00:00.000Z");

const batch = (batch_size: number, p50_ms: number, more: Partial<BatchFigures> = {}): BatchFigures => ({
  ...{ batch_size, p50_ms, p95_ms: 2 * p50_ms, items_per_second: (1000 * batch_size) / p50_ms },
  ...{ memory_mb: 160, n: 130, spread: 0.05, cpu_utilization_percent: 50, gpu_utilization_percent: null },
  ...{ cpu_power_w: null, gpu_power_w: null, power_w: null, energy_j_per_item: null, ...more },
});

const record = (more: Partial<MatrixRecord>): MatrixRecord => ({
  ...{ model: "tiny-bert", precision: "fp32", backend: "ort-node/cpu", age: 1 },
  ...{ run_id: "r1", task_id: "tiny-bert@ort-node/cpu", worker_id: "w1", end_time: "2026-11-24T10:00:00.000Z" },
  ...{ status: "completed", hardware: "cpu", observed_backend: "ort-node/cpu", device: null, sequence_length: null },
  ...{ batches: [batch(1, 2), batch(4, 6)], unmeasured: null, recovery: [], failure: null },
  provenance: { kind: "real", proven: true, evidence: [] },
  ...{ price_per_hour: null, currency: null },
  ...{ model_sha256: "a", model_sha256_now: "a", runtime_version: "1", runtime_version_now: "1" },
  ...more,
});
const oom = { class: "out_of_memory", message: "std::bad_alloc\n<at 3>" } as const;
const failed = (more: Partial<MatrixRecord>): MatrixRecord =>
  record({ status: "failed", failure: oom, batches: [], ...more });

const wasm = record({
  backend: "ort-web/wasm",
  device: "SwiftShader, software",
  batches: [batch(1, 9, { memory_mb: 80 }), batch(4, 40)],
});
const latest = [
  record({}),
  record({ age: 2, batches: [batch(1, 1)], end_time: "2026-11-23T10:00:00.000Z" }),
  wasm,
  failed({ model: "big", backend: "ort-web/wasm" }),
  failed({ model: "big", precision: "fp16", backend: "ort-web/wasm" }),
];

describe("the matrix of what is known", () => {
  const report = reportOfLatest(latest, { nowMs });

  it("has a cell for each row and backend, also for what was not run", () => {
    expect(report.rows).toEqual(["tiny-bert", "big", "big:fp16"]);
    expect(report.backends).toEqual(["ort-node/cpu", "ort-web/wasm"]);
    expect(report.cells.map(({ state, p50_ms, n, date }) => [state, p50_ms, n, date?.slice(0, 10)])).toEqual([
      ["works", 2, 130, "2026-11-24"],
      ["works", 9, 130, "2026-11-24"],
      ["not_run", null, null, undefined],
      ["out_of_memory", null, null, "2026-11-24"],
      ["not_run", null, null, undefined],
      ["out_of_memory", null, null, "2026-11-24"],
    ]);
    const figures = { models: 2, backends: 2, cells_works: 2, cells_failed_with_reason: 2, cells_unproven: 0 };
    expect(matrixFigures(report)).toEqual(figures);
  });

  it("tells each reason once, what to take with its numbers, and what changed", () => {
    expect(matrixSections(report).map(({ title, lines }) => [title, lines.map(({ text }) => text)])).toEqual([
      ["Why", ["✕ out of memory: big on ort-web/wasm, big:fp16 on ort-web/wasm: std::bad_alloc <at 3>"]],
      ["Devices", ["ort-web/wasm: SwiftShader, software"]],
      [
        "Recommendations",
        [
          "tiny-bert: fastest ort-node/cpu, batch size 1: 2 ms (n 130); next ort-web/wasm, batch size 1: 9 ms",
          "tiny-bert: smallest memory ort-web/wasm, batch size 1: 80 MB (n 130); next ort-node/cpu, batch size 1: 160 MB",
          "tiny-bert: best batch size 4 on ort-node/cpu: 667 items/s (n 130); next 1 on ort-node/cpu: 500 items/s",
          "tiny-bert: best throughput ort-node/cpu, batch size 4: 667 items/s (n 130); next ort-web/wasm, batch size 1: 111 items/s",
        ],
      ],
      [
        "Changed since the measurement before",
        [
          "tiny-bert on ort-node/cpu: p50 1 → 2 ms at batch size 1, slower by a factor of 2 (noise: up to 1.1); since 2026-11-23 10:00",
        ],
      ],
    ]);
  });

  it("shows what is out of date as stale, with what it was, and recommends nothing from it", () => {
    const old = reportOfLatest([record({ runtime_version_now: "2" })], { nowMs });
    expect(old.cells[0]).toMatchObject({
      state: "stale",
      reason: "the runtime was 1, its worker now has 2; it was works",
      p50_ms: 2,
    });
    expect(old.recommendations).toEqual([]);
  });

  it("recommends only what is proven", () => {
    const unproven = record({ provenance: null, batches: [batch(1, 0.1)], backend: "ort-web/wasm" });
    const [advice] = reportOfLatest([record({}), unproven], { nowMs }).recommendations;
    expect(advice?.fastest).toMatchObject({ best: { backend: "ort-node/cpu", p50_ms: 2 }, next: null });
    expect(reportOfLatest([unproven], { nowMs }).recommendations).toEqual([]);
  });
});

describe("what to take for power and money", () => {
  const figures = (items_per_second: number, more: Partial<BatchFigures>): Partial<MatrixRecord> => ({
    batches: [batch(1, 5, { items_per_second: 1 }), batch(8, 5, { items_per_second, ...more })],
  });
  const told = (...records: readonly MatrixRecord[]): string[] =>
    matrixSections(reportOfLatest(records, { nowMs }))
      .flatMap(({ lines }) => lines.map(({ text }) => text))
      .filter((text) => /per watt|cheapest/.test(text));
  const cpu = record(figures(100, { cpu_power_w: 50, power_w: 50, energy_j_per_item: 0.5 }));
  const gpu = (more: Partial<BatchFigures>): MatrixRecord =>
    record({
      backend: "torch/cuda",
      ...figures(1000, { gpu_power_w: 200, power_w: 200, energy_j_per_item: 0.2, ...more }),
    });

  it("is the most items per joule among cells of which the same is known, at whatever batch size", () => {
    expect(told(cpu, gpu({ cpu_power_w: 50, power_w: 250, energy_j_per_item: 0.25 }))).toEqual([
      "tiny-bert: best per watt torch/cuda, batch size 8: 4 items/J of CPU and GPU (n 130); next ort-node/cpu, batch size 8: 2 items/J of CPU",
    ]);
    // A GPU without its processor would seem to need less; alone it is better than nothing.
    expect(told(cpu, gpu({}))).toEqual([
      "tiny-bert: best per watt ort-node/cpu, batch size 8: 2 items/J of CPU (n 130)",
    ]);
    expect(told(gpu({}))).toEqual(["tiny-bert: best per watt torch/cuda, batch size 8: 5 items/J of GPU (n 130)"]);
    expect(told(record({}))).toEqual([]);
  });

  it("is the least cost of a million items, in each currency by itself", () => {
    const euros = { price_per_hour: 0.36, currency: "EUR" };
    const dear = record({ ...figures(1000, {}), backend: "torch/cuda", price_per_hour: 36, currency: "EUR" });
    const dollars = record({ ...figures(200, {}), backend: "ort-web/wasm", price_per_hour: 0.36, currency: "USD" });
    expect(
      told(
        { ...cpu, ...euros, batches: cpu.batches.map((one) => ({ ...one, energy_j_per_item: null })) },
        dear,
        dollars,
      ),
    ).toEqual([
      "tiny-bert: cheapest ort-node/cpu, batch size 8: 1 EUR per million items (n 130); next torch/cuda, batch size 8: 10 EUR per million items",
      "tiny-bert: cheapest ort-web/wasm, batch size 8: 0.5 USD per million items (n 130)",
    ]);
  });
});

describe("the matrix of a run", () => {
  const task = (task_id: string, status: TaskView["status"], backend: string): TaskView => ({
    ...{ run_id: "r1", task_id, type: "benchmark", priority: 50, status, failure_class: null, attempts: 0 },
    ...{ worker_id: null, create_time: "2026-11-24T09:00:00.000Z", start_time: null, end_time: null },
    spec: taskSpec.parse({
      ...{ task_id, type: "benchmark", requirements: { backend }, config: { model: "tiny-bert" } },
    }),
  });

  it("has the results of this run, whatever is newer, and says what became of tasks without one", () => {
    const tasks = [
      task("a", "completed", "ort-node/cpu"),
      task("b", "cancelled", "ort-web/wasm"),
      { ...task("c", "failed", "chromium/webnn"), failure_class: "worker_lost" },
    ];
    const records = [
      record({ run_id: "other", age: 1, batches: [batch(1, 7)] }),
      record({ task_id: "a", age: 2 }),
      record({ run_id: "older", age: 3, status: "failed", failure: oom }),
      // Measured before, but not in this run.
      record({ run_id: "older", task_id: "b", backend: "ort-web/wasm" }),
    ];
    const report = reportOfRun(tasks, records, { nowMs });
    expect(report.cells.map(({ backend, state, reason, p50_ms }) => [backend, state, reason, p50_ms])).toEqual([
      ["ort-node/cpu", "works", null, 2],
      ["ort-web/wasm", "not_run", "cancelled", null],
      ["chromium/webnn", "failed", "worker_lost", null],
    ]);
    expect(report.changes.map(({ backend, state }) => [backend, state])).toEqual([
      ["ort-node/cpu", { from: "out_of_memory", to: "works" }],
    ]);
  });
});

describe("a change", () => {
  const before = record({ age: 2, batches: [batch(1, 10)] });
  const p50 = (now: Partial<MatrixRecord>): unknown => changeOf(record(now), before)?.p50 ?? null;

  it("of the median is told beyond noise only, up and down alike", () => {
    expect(p50({ batches: [batch(1, 10.9)] })).toBeNull();
    expect(p50({ batches: [batch(1, 9.2)] })).toBeNull();
    expect(p50({ batches: [batch(1, 11.1)] })).toEqual({ batch_size: 1, from_ms: 10, to_ms: 11.1, noise: 0.1 });
    expect(p50({ batches: [batch(1, 9)] })).toMatchObject({ to_ms: 9 });
    // What varied by 30 % has to change by more; what had too few iterations to tell, by 25 %.
    expect(p50({ batches: [batch(1, 12.9, { spread: 0.3 })] })).toBeNull();
    expect(p50({ batches: [batch(1, 12.4, { spread: null })] })).toBeNull();
    expect(p50({ batches: [batch(1, 12.6, { spread: null })] })).toMatchObject({ noise: 0.25 });
  });

  it("of the median is told at the smallest batch size that both have", () => {
    const old = record({ age: 2, batches: [batch(4, 10)] });
    expect(changeOf(record({ batches: [batch(1, 1), batch(4, 20)] }), old)?.p50).toMatchObject({ batch_size: 4 });
    expect(changeOf(record({ batches: [batch(1, 1)] }), old)).toBeNull();
  });

  it("of the median is not told of another worker or other work", () => {
    expect(p50({ batches: [batch(1, 99)], worker_id: "w2" })).toBeNull();
    expect(p50({ batches: [batch(1, 99)], sequence_length: "16" })).toBeNull();
  });

  it("of the state is told whoever measured it", () => {
    const now = failed({ worker_id: "w2" });
    expect(changeOf(now, before)).toMatchObject({ state: { from: "works", to: "out_of_memory" }, p50: null });
    expect(changeOf(failed({}), failed({ age: 2 }))).toBeNull();
  });
});

/** Prints the names, the cells and what is drawn outside the picture; fails where the text is no XML. */
const readsSvg = `
import json, sys, xml.etree.ElementTree as xml
svg = "{http://www.w3.org/2000/svg}"
root = xml.fromstring(sys.stdin.buffer.read())
texts = list(root.iter(svg + "text"))
end = lambda text: int(text.get("x")) + 7.9 * len(text.text)
cell = lambda group: [group.find(svg + "title").text] + [[text.get("class"), text.text] for text in group.iter(svg + "text")]
print(json.dumps({
  "names": [text.text for text in texts if text.get("class") == "head"],
  "cells": [cell(group) for group in root.iter(svg + "g")],
  "outside": [text.text for text in texts if end(text) > int(root.get("width")) or int(text.get("y")) > int(root.get("height"))],
}))`;

describe("formats", () => {
  const evil = failed({ model: "=cmd|<b>", failure: { class: "crash", message: 'a | <script> "x", y' } });
  const report = reportOfLatest([wasm, evil], { nowMs });

  it("as Markdown, where text stays text", () => {
    expect(matrixMarkdown(report).slice(0, 4)).toEqual([
      "| model | ort-web/wasm | ort-node/cpu |",
      "| --- | --- | --- |",
      "| tiny-bert | ✓ works<br>9 ms<br>111 items/s<br>80 MB<br>n 130, 2026-11-24 | – not run |",
      "| =cmd\\|\\<b\\> | – not run | ✕ failed<br>2026-11-24 |",
    ]);
    expect(matrixMarkdown(report)).toContain(
      '- ✕ failed: =cmd\\|\\<b\\> on ort-node/cpu: crash: a \\| \\<script\\> "x", y',
    );
  });

  it("as CSV, a line for each batch size, without formulas", () => {
    const power = { cpu_power_w: 40, power_w: 40, energy_j_per_item: 0.4 };
    const [first = batch(1, 9), ...others] = wasm.batches;
    const priced = {
      price_per_hour: 0.36,
      currency: "EUR",
      batches: [first, ...others.map((one) => ({ ...one, ...power }))],
    };
    const lines = matrixCsv(reportOfLatest([{ ...wasm, ...priced }, evil], { nowMs }));
    expect(lines).toHaveLength(6);
    expect(lines[1]).toMatch(
      /^tiny-bert,fp32,ort-web\/wasm,works,,1,9,18,111\.1+,80,50,,,,,,0\.36,EUR,0\.9,130,2026-11-24T10:00:00.000Z,true,/,
    );
    expect(lines[2]).toMatch(/^tiny-bert,fp32,ort-web\/wasm,works,,4,40,80,100,160,50,,40,,40,0.4,0.36,EUR,1,130,/);
    expect(lines[5]).toMatch(
      /^'=cmd\|<b>,fp32,ort-node\/cpu,failed,"crash: a \| <script> ""x"", y",,,,,,,,,,,,,,,,2026/,
    );
  });

  it("as one HTML page that loads nothing and runs nothing", () => {
    const page = matrixHtml(report).join("\n");
    expect(page).toContain('<span class="green">✓ works</span>');
    expect(page).toContain("crash: a | &lt;script&gt; &quot;x&quot;, y");
    expect(page).not.toMatch(/<script|<b>|src=|href=|url\(|@import/);
    expect(page).toContain("color-scheme: light dark");
  });

  it("as a picture, in which a parser of XML finds each cell with its state, colour and median", ({ skip }) => {
    const strange = failed({
      model: "\0<b>",
      precision: "int8",
      failure: { class: "crash", message: 'x "\u001b[1m" & y' },
    });
    const document = matrixDocument(reportOfLatest([wasm, strange], { nowMs }));
    const picture = matrixSvg(document).join("\n");
    expect(picture).not.toMatch(/<script|href=|url\(|@import/);
    const { error, status, stdout, stderr } = spawnSync("python3", ["-c", readsSvg], {
      input: picture,
      encoding: "utf8",
    });
    if (error !== undefined && "code" in error && error.code === "ENOENT") skip("there is no python3 here");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      names: ["model", "ort-web/wasm", "ort-node/cpu", "tiny-bert", "\ufffd<b>:int8"],
      cells: [
        ["tiny-bert on ort-web/wasm: works", ["green", "✓ works"], ["dim", "9 ms"]],
        ["tiny-bert on ort-node/cpu: not run", ["dim", "– not run"]],
        ["\ufffd<b>:int8 on ort-web/wasm: not run", ["dim", "– not run"]],
        ['\ufffd<b>:int8 on ort-node/cpu: failed: crash: x "\ufffd[1m" & y', ["red", "✕ failed"]],
      ],
      outside: [],
    });
  });
});
