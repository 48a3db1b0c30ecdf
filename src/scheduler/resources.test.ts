import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Bench, spec } from "./scheduler-acceptance.ts";
import { capacityOf, pick } from "./resources.ts";
import { asRunId, seededRng } from "../base/index.ts";
import { taskSpec } from "../contracts/index.ts";

const gpus = (...sizes: number[]) =>
  sizes.map((memory_gb, index) => ({ index, vendor: "v", name: "gpu", memory_gb, cuda_compute: 8 }));

describe("setting aside", () => {
  test("never less than nothing, and all of it back after any sequence", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const rng = seededRng(seed);
        const it = new Bench();
        it.worker("w1", { slots: 8, credits: 10, gpus: gpus(8, 16, 24), cpu: { model: "c", cores: 8, threads: 8 } });
        const tasks = Array.from({ length: 30 }, (_, index) =>
          spec(`t${index}`, {
            resources: {
              ...(rng.below(2) === 0 ? { cpu: (1 + rng.below(40)) / 10 } : {}),
              ...(rng.below(2) === 0 ? { memory_gb: 1 + rng.below(8) } : {}),
              ...(rng.below(3) === 0 ? { gpu: 1 + rng.below(2) } : rng.below(2) === 0 ? { gpu_memory_gb: 4 } : {}),
              ...(rng.below(4) === 0 ? { locks: [`l${rng.below(2)}`] } : {}),
            },
          }),
        );
        it.submit(tasks);
        const { resources } = it.workerOf("w1");
        for (let round = 0; it.state.leases.size > 0; round += 1) {
          expect(round).toBeLessThan(1_000);
          const leases = [...it.state.leases.values()];
          const held = leases.map(({ task, gpus: indexes }) => ({ demand: task.requirementClass.demand, indexes }));
          expect(resources.cpu).toBeCloseTo(8 - held.reduce((sum, { demand }) => sum + demand.cpu, 0), 6);
          expect(resources.memoryGb).toBe(16 - held.reduce((sum, { demand }) => sum + demand.memoryGb, 0));
          expect(
            Math.min(resources.cpu, resources.memoryGb, ...resources.gpus.map((gpu) => gpu.freeGb)),
          ).toBeGreaterThanOrEqual(0);
          const whole = held.filter(({ demand }) => demand.gpu > 0).flatMap(({ indexes }) => indexes);
          expect(new Set(whole).size).toBe(whole.length);
          for (const { demand, indexes } of held) {
            expect(indexes).toHaveLength(demand.gpu > 0 ? demand.gpu : demand.gpuMemoryGb > 0 ? 1 : 0);
            if (demand.gpu === 0) expect(indexes.some((index) => whole.includes(index))).toBe(false);
          }
          const locks = leases.flatMap(({ task }) => task.spec.resources.locks ?? []);
          expect([...it.state.locks.keys()].sort()).toEqual([...locks].sort());
          const lease = leases[rng.below(leases.length)];
          if (rng.below(4) === 0) it.release(lease?.task.taskId ?? "");
          else it.finish(lease?.task.taskId ?? "");
        }
        expect(it.state.counts).toMatchObject({ completed: 30 });
        expect(resources).toEqual(capacityOf(it.workerOf("w1").capabilities));
        expect([it.state.locks.size, it.workerOf("w1").machine.leases]).toEqual([0, 0]);
      }),
      { numRuns: 40 },
    );
  });

  test("a GPU for one attempt alone is the smallest that will do; a part goes to the fullest that has room", () => {
    const pool = capacityOf(capabilitiesWith(24, 8, 16));
    const none = {
      cpu: 0,
      memoryGb: 0,
      gpu: 0,
      gpuMemoryGb: 0,
      minCudaCompute: 0,
      exclusive: false,
      locks: [],
      plain: false,
    };
    expect(pick(pool, { ...none, gpu: 1, gpuMemoryGb: 12 })).toEqual([2]);
    expect(pick(pool, { ...none, gpu: 3 })).toEqual([1, 2, 0]);
    expect(pick(pool, { ...none, gpu: 4 })).toBeNull();
    const [first] = pool.gpus;
    if (first) Object.assign(first, { freeGb: 7, holders: 1 });
    expect(pick(pool, { ...none, gpuMemoryGb: 6 })).toEqual([0]);
    expect(pick(pool, { ...none, gpuMemoryGb: 7.5 })).toEqual([1]);
    expect(pick(pool, { ...none, gpu: 3 })).toBeNull();
  });
});

function capabilitiesWith(...sizes: number[]) {
  const it = new Bench();
  it.worker("w", { gpus: gpus(...sizes) });
  return it.workerOf("w").capabilities;
}

describe("sharing", () => {
  test("whole GPUs carry their indexes; memory of one is shared up to its size", () => {
    const it = new Bench();
    it.worker("w1", { slots: 4, credits: 4, gpus: gpus(8, 8) });
    it.submit([
      spec("whole", { priority: 90, resources: { gpu: 1 } }),
      spec("part-1", { resources: { gpu_memory_gb: 4 } }),
      spec("part-2", { resources: { gpu_memory_gb: 4 } }),
      spec("part-3", { resources: { gpu_memory_gb: 4 } }),
    ]);
    expect(["whole", "part-1", "part-2"].map((id) => it.task(id).leases[0]?.gpus)).toEqual([[0], [1], [1]]);
    expect(it.task("part-3").state).toBe("queued");
    it.finish("part-1");
    expect(it.task("part-3").leases[0]?.gpus).toEqual([1]);
  });

  test("a named lock is held by one attempt at a time over all workers", () => {
    const it = new Bench();
    it.worker("w1");
    it.worker("w2");
    it.submit(["a", "b"].map((id) => spec(id, { resources: { locks: ["port"] } })));
    expect([it.task("a").state, it.task("b").state]).toEqual(["leased", "queued"]);
    it.finish("a");
    expect(it.task("b").state).toBe("leased");
  });

  test("a benchmark has the machine for itself, over two workers of one host", () => {
    const it = new Bench();
    for (const name of ["w1", "w2"])
      it.worker(name, { hostname: "box", task_types: ["command", "benchmark"], credits: 1 });
    it.submit([spec("a")]);
    const benchmark = taskSpec.parse({ task_id: "b", type: "benchmark", config: { model: "m" } });
    const other = asRunId("run-2");
    it.submit([benchmark], { runId: other });
    expect(it.task("b", other).state).toBe("queued");
    const third = asRunId("run-3");
    it.submit([spec("c")], { runId: third });
    expect(it.task("c", third).state).toBe("queued");
    it.finish("a");
    expect(it.task("b", other).state).toBe("leased");
    expect(it.task("c", third).state).toBe("queued");
    it.finish("b", {}, other);
    expect(it.task("c", third).state).toBe("leased");
  });
});
