import { describe, expect, test } from "vitest";
import type { JournalEvent, ResultDocumentInput, TaskSpecInput } from "../contracts/index.ts";
import { matrixHistoryQuery, matrixRecords } from "./matrix-history.ts";
import type { Results } from "./open-results.ts";
import { ALL, measured, model, registered, ResultsFolder, specs, Story } from "./results-acceptance.ts";

const folder = new ResultsFolder();

describe("backends", () => {
  const asked = (task_id: string, backend?: string): TaskSpecInput => ({
    ...model(task_id, "cpu"),
    requirements: { hardware: ["cpu"], ...(backend === undefined ? {} : { backend }) },
  });
  const told = (sha256: string, version: string): NonNullable<ResultDocumentInput["results"]> => ({
    model: { sha256 },
    runtime: { device: "SwiftShader", version },
  });
  const proof: NonNullable<ResultDocumentInput["provenance"]> = {
    kind: "real",
    proven: true,
    observed_backend: "CPUExecutionProvider",
  };

  /** A task that asks for a backend, one whose worker chose it, one that failed before it could say so. */
  async function measuredOnBackends(): Promise<Results> {
    const made = new Story();
    const runtime = { runtime: "onnxruntime-node", hardware: "cpu" as const, detail: "tried", version: "1.31.0" };
    const runtimes = [
      { ...runtime, backend: "ort-node/cpu", available: true },
      { ...runtime, backend: "ort-node/webgpu", available: false },
    ];
    if (registered.type !== "worker_registered") throw new Error("not a worker");
    made.add({ ...registered, capabilities: { ...registered.capabilities, runtimes } });
    made.add(
      specs(
        asked("asked", "ort-node/cpu"),
        asked("chosen"),
        asked("early", "ort-node/cpu"),
        asked("webgpu", "ort-node/webgpu"),
      ),
    );
    made.attempt("asked", 1, { ...measured("cpu"), results: told("a", "1.30.0"), provenance: proof });
    made.attempt("webgpu", 1, { ...measured("cpu"), results: told("a", "1.30.0"), provenance: proof });
    made.attempt("chosen", 1, {
      results: told("b", "1.31.0"),
      provenance: { ...proof, requested_backend: "ort-node/cpu" },
      metrics: [{ name: "latency_ms_p50", value: 2, unit: "ms", batch_size: 1 }],
    });
    made.attempt("early", 1, null);
    made.attempt("early", 2, { status: "failed", failure: { class: "crash", message: "gone" } });
    const one = await folder.of(made);
    return one;
  }

  test("a result carries the backend that was asked for, what was observed, and the device", async () => {
    const one = await measuredOnBackends();
    const { items } = await one.results({ ...ALL, backend: "ort-node/cpu" });
    expect(items.map((item) => [item.task_id, item.precision, item.observed_backend, item.device])).toEqual([
      ["asked", "fp32", "CPUExecutionProvider", "SwiftShader"],
      ["chosen", "fp32", "CPUExecutionProvider", "SwiftShader"],
      ["early", "fp32", null, null],
    ]);
    const { rows } = await one.sql(
      "select backend, count(*)::int, median(value) from results_wide where metric = 'latency_ms_p50' and batch_size = 1 group by backend order by backend",
      10,
    );
    expect(rows).toEqual([
      ["ort-node/cpu", 2, 1.5],
      ["ort-node/webgpu", 1, 1],
    ]);
  });

  test("the history of a cell has the newest first, with what is there now", async () => {
    const one = await measuredOnBackends();
    const records = matrixRecords(await one.sql(matrixHistoryQuery(), 10));
    expect(records.map(({ task_id, backend, age }) => [task_id, backend, age])).toEqual([
      // The third is older than the one before it, which is all that is asked for.
      ["early", "ort-node/cpu", 1],
      ["chosen", "ort-node/cpu", 2],
      ["webgpu", "ort-node/webgpu", 1],
    ]);
    expect(records[0]).toMatchObject({ failure: { class: "crash" }, batches: [], model_sha256: null, recovery: [] });
    // What was not measured is not 0.
    const figures = {
      batch_size: 1,
      p50_ms: 2,
      p95_ms: null,
      items_per_second: null,
      memory_mb: null,
      n: null,
      spread: null,
      ...{ cpu_utilization_percent: null, gpu_utilization_percent: null },
      ...{ cpu_power_w: null, gpu_power_w: null, power_w: null, energy_j_per_item: null },
    };
    expect(records[1]).toMatchObject({ batches: [figures], runtime_version: "1.31.0", runtime_version_now: "1.31.0" });
    expect(records[1]).toMatchObject({ price_per_hour: null, currency: null });
    expect(records[2]).toMatchObject({ model_sha256: "a", model_sha256_now: "b", runtime_version_now: null });
    const ofRun = matrixRecords(await one.sql(matrixHistoryQuery({ runId: "r1" }), 10));
    expect(ofRun.map(({ task_id }) => task_id)).toEqual(["early", "chosen", "asked", "webgpu"]);
    expect(ofRun[2]).toMatchObject({ age: 3, runtime_version: "1.30.0", runtime_version_now: "1.31.0" });
  });

  test("a result keeps its power, and the price that its worker had when it came", async () => {
    const made = new Story();
    const priced = (amount: number): JournalEvent => {
      if (registered.type !== "worker_registered") throw new Error("not a worker");
      const price_per_hour = { amount, currency: "EUR" };
      return { ...registered, capabilities: { ...registered.capabilities, price_per_hour } };
    };
    made.add(priced(0.5));
    made.add(specs(asked("before", "ort-node/cpu"), asked("after", "ort-node/cpu")));
    const metrics = [
      { name: "power_w", value: 40, unit: "W", batch_size: 1 },
      { name: "energy_j_per_item", value: 0.25, unit: "J/item", batch_size: 1 },
    ];
    made.attempt("before", 1, { ...measured("cpu"), metrics });
    made.add(priced(0.75));
    made.attempt("after", 1, measured("cpu"));
    const one = await folder.of(made);
    const [newest, older] = matrixRecords(await one.sql(matrixHistoryQuery(), 10));
    expect(newest).toMatchObject({ price_per_hour: 0.75, currency: "EUR" });
    expect(older).toMatchObject({ price_per_hour: 0.5, currency: "EUR" });
    expect(older?.batches).toMatchObject([{ batch_size: 1, power_w: 40, energy_j_per_item: 0.25, p50_ms: null }]);
    const { rows } = await one.sql("select task_id, price_per_hour from results_wide where metric = 'power_w'", 10);
    expect(rows).toEqual([["before", 0.5]]);
  });
});
