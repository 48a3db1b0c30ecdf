import { describe, expect, it } from "vitest";
import { identifier } from "../contracts/index.ts";
import { commandTask, matrixTasks } from "./index.ts";

const measure = { batchSizes: [1, 4], iterations: 20 };

describe("matrixTasks", () => {
  it("makes one benchmark per model and platform", () => {
    const tasks = matrixTasks({ models: ["tiny-bert", "tiny-vit"], hardware: ["cpu", "wasm"], ...measure });
    expect(tasks.map((task) => task.task_id)).toEqual([
      "tiny-bert@cpu",
      "tiny-bert@wasm",
      "tiny-vit@cpu",
      "tiny-vit@wasm",
    ]);
    expect(tasks[1]).toMatchObject({
      type: "benchmark",
      requirements: { hardware: ["wasm"] },
      config: { model: "tiny-bert", batch_sizes: [1, 4], iterations: 20 },
    });
  });

  it("names each pair once and keeps names legal for folders", () => {
    const models = [
      "/models/my bert",
      "/models/my-bert",
      "tiny-bert",
      "tiny-bert",
      "///",
      `/${"deep/".repeat(60)}model`,
    ];
    const names = matrixTasks({ models, hardware: ["cpu", "cpu"], ...measure }).map((task) => task.task_id);
    expect(names.slice(0, 4)).toEqual(["models/my-bert@cpu", "models/my-bert-2@cpu", "tiny-bert@cpu", "model@cpu"]);
    expect(names).toHaveLength(5);
    for (const name of names) expect(identifier.safeParse(name).success).toBe(true);
  });

  it("refuses an empty selection", () => {
    expect(() => matrixTasks({ models: [], hardware: ["cpu"], ...measure })).toThrow("there is no model to measure");
    expect(() => matrixTasks({ models: ["tiny-bert"], hardware: [], ...measure })).toThrow(
      "there is no platform to measure",
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
