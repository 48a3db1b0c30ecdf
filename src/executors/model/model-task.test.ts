import { expect, test } from "vitest";
import { scratchAttempt, scratchTask } from "../executor-acceptance.ts";
import type { ModelRunRequest } from "./messages.ts";
import { notBegun } from "./model-run.ts";
import { executeModelTask } from "./model-task.ts";

test("the launches of a benchmark share its iterations, its duration and the time that noise may cost", async () => {
  const attempt = await scratchAttempt();
  const requests: ModelRunRequest[] = [];
  const config = { model: "tiny-bert", iterations: 30, min_duration_seconds: 6, launches: 3 };
  await executeModelTask(scratchTask({ type: "benchmark", timeout_seconds: 120, config }), attempt.context, {
    backend: "ort-node/cpu",
    machine: "this machine",
    conditions: {},
    run: (request) => {
      requests.push(request);
      return Promise.resolve(notBegun({ class: "setup", message: "not begun" }));
    },
  });
  await attempt.remove();
  // A quarter of the task's time limit for all of them.
  expect(requests).toMatchObject([{ iterations: 10, minDurationMs: 2_000, measureAgain: { withinMs: 10_000 } }]);
});
