import { describe, expect, it } from "vitest";
import { identifier } from "../contracts/index.ts";
import { commandTask, matrixTasks } from "./index.ts";

const measure = { precisions: ["fp32"], batchSizes: [1, 4], iterations: 20 } as const;
const cpu = { backend: "ort-node/cpu", hardware: "cpu" } as const;
const wasm = { backend: "headless-shell/wasm", hardware: "wasm" } as const;

describe("matrixTasks", () => {
  it("makes one benchmark per model and backend", () => {
    const tasks = matrixTasks({ models: ["tiny-bert", "tiny-vit"], backends: [cpu, wasm], ...measure });
    expect(tasks.map((task) => task.task_id)).toEqual([
      "tiny-bert@ort-node/cpu",
      "tiny-bert@headless-shell/wasm",
      "tiny-vit@ort-node/cpu",
      "tiny-vit@headless-shell/wasm",
    ]);
    expect(tasks[1]).toMatchObject({
      type: "benchmark",
      requirements: { backend: "headless-shell/wasm", hardware: ["wasm"] },
      config: { model: "tiny-bert", precision: "fp32", batch_sizes: [1, 4], iterations: 20 },
    });
  });

  it("names the precision unless it is the usual one", () => {
    const precisions = ["fp32", "fp16", "fp16"] as const;
    const tasks = matrixTasks({ models: ["tiny-bert"], backends: [cpu, wasm], ...measure, precisions });
    expect(tasks.map(({ task_id, config }) => [task_id, "precision" in config && config.precision])).toEqual([
      ["tiny-bert@ort-node/cpu", "fp32"],
      ["tiny-bert@headless-shell/wasm", "fp32"],
      ["tiny-bert@ort-node/cpu:fp16", "fp16"],
      ["tiny-bert@headless-shell/wasm:fp16", "fp16"],
    ]);
  });

  it("names each of them once and keeps names legal for folders", () => {
    const models = [
      "/models/my bert",
      "/models/my-bert",
      "tiny-bert",
      "tiny-bert",
      "///",
      `/${"deep/".repeat(60)}model`,
    ];
    const names = matrixTasks({ models, backends: [cpu, cpu], ...measure }).map((task) => task.task_id);
    expect(names.slice(0, 4)).toEqual([
      "models/my-bert@ort-node/cpu",
      "models/my-bert-2@ort-node/cpu",
      "tiny-bert@ort-node/cpu",
      "model@ort-node/cpu",
    ]);
    expect(names).toHaveLength(5);
    for (const name of names) expect(identifier.safeParse(name).success).toBe(true);
  });

  it("refuses an empty selection", () => {
    expect(() => matrixTasks({ models: [], backends: [cpu], ...measure })).toThrow("there is no model to measure");
    expect(() => matrixTasks({ models: ["tiny-bert"], backends: [], ...measure })).toThrow(
      "there is no backend to measure",
    );
  });
});

describe("commandTask", () => {
  it("runs the line in a folder of its own unless told where", () => {
    expect(commandTask("pytest -q")).toMatchObject({
      task_id: "command",
      type: "command",
      config: { command: "pytest -q" },
    });
    expect(commandTask("pytest -q").config).not.toHaveProperty("cwd");
    expect(commandTask("pytest -q", { cwd: "/src" }).config).toMatchObject({ cwd: "/src" });
  });
});
