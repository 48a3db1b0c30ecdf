import { describe, expect, it } from "vitest";
import type { Explanation } from "../contracts/index.ts";
import { explanationLines } from "./explain-lines.ts";

const look = { style: { colour: false, unicode: true }, nowMs: Date.parse("2026-11-01T12:00:00.000Z") };
const w1 = "worker-0f7c2b1e-6d6d-4f0a-9a57-0a4bd4f8a0c1";
const names = new Map([[w1, "gpu-box-1"]]);

const waiting = (more: Partial<Explanation>): Explanation => ({
  run_id: "nightly",
  task_id: "train",
  state: "queued",
  summary: "2 workers fit, none is free; 3 tasks are ahead of it.",
  waiting_for: [],
  not_before: null,
  ahead: 3,
  expected_start: null,
  would_preempt: null,
  claimed: [],
  workers: [],
  ...more,
});

describe("an explanation", () => {
  it("tells place, expected start, what would make room, what is kept free, and every worker's reasons", () => {
    const explanation = waiting({
      expected_start: "2026-11-01T12:02:10.000Z",
      would_preempt: { run_id: "batch-1", task_id: "crunch", worker_id: w1, priority: 20 },
      claimed: [w1],
      workers: [
        { worker_id: "w3", fits: false, reasons: ["wants cuda, has cpu", "is in the pools default, not in gpu"] },
        { worker_id: w1, fits: true, reasons: ["is full: holds 3 of 3"] },
        { worker_id: "w2", fits: true, reasons: [] },
      ],
    });
    expect(explanationLines(explanation, { ...look, names })).toEqual([
      "~ queued train: 2 workers fit, none is free; 3 tasks are ahead of it.",
      "  position          3 tasks ahead",
      "  expected start    in about 2 min 10 s, 2026-11-01T12:02:10.000Z",
      "  would preempt     crunch of run batch-1, priority 20, on gpu-box-1",
      "  kept free for it  gpu-box-1",
      "  ✓ free w2",
      "  ~ fits, but not now gpu-box-1: is full: holds 3 of 3",
      "  – does not fit w3: wants cuda, has cpu; is in the pools default, not in gpu",
    ]);
  });

  it("stays on one screen, with the workers that fit first", () => {
    const workers = Array.from({ length: 500 }, (_, index) => ({
      worker_id: `w${index}`,
      fits: index % 100 === 99,
      reasons: ["is full: holds 3 of 3"],
    }));
    const waitingFor = Array.from({ length: 300 }, (_, index) => `task-${index}`);
    const lines = explanationLines(waiting({ workers, waiting_for: waitingFor }), { ...look, names });
    expect(lines.length).toBeLessThan(24);
    expect(lines[1]).toMatch(/^ {2}waits for  task-0, .* and 290 more$/);
    expect(lines[3]).toBe("  ~ fits, but not now w99: is full: holds 3 of 3");
    expect(lines.at(-1)).toBe("  and 488 more, of which 0 would fit");
  });

  it("of a task that runs leaves the workers out", () => {
    const running = waiting({
      state: "running",
      summary: `Runs on worker ${w1}, attempt 1.`,
      ahead: null,
      workers: [{ worker_id: "w2", fits: true, reasons: [] }],
    });
    expect(explanationLines(running, { ...look, names })).toEqual([
      "▶ running train: Runs on worker gpu-box-1, attempt 1.",
    ]);
  });
});
