import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { manualClock } from "../base/index.ts";
import type { FeedEvent } from "../contracts/index.ts";
import { RunDisplay } from "./run-display.ts";

const style = { colour: false, unicode: true };
const takeAway = "\u001B[12A\r\u001B[J";
let seq = 0;
const event = (type: string, more: Partial<FeedEvent> = {}): FeedEvent => {
  seq += 1;
  return { seq, time: "2026-11-01T00:00:00.000Z", type, run_id: "r1", ...more };
};
const leased = (task: string) =>
  event("attempt_leased", { task_id: task, state: "leased", worker_id: "w1", hardware: "cpu", attempt: 1 });
const ended = (task: string, more: Partial<FeedEvent>) =>
  event("attempt_finished", { task_id: task, worker_id: "w1", attempt: 1, execution_time_seconds: 1.26, ...more });

function display(tasks: number, terminal: { isTTY?: boolean; columns?: number } = {}) {
  const written: string[] = [];
  const clock = manualClock();
  const output = { write: (text: string) => written.push(text), ...terminal };
  const shown = new RunDisplay({ output, style, clock, runId: "r1", tasks });
  const lines = () => written.splice(0).join("").split("\n").slice(0, -1);
  return { shown, clock, lines, written };
}

describe("RunDisplay without a terminal", () => {
  it("prints a line per end and failures in full", () => {
    const { shown, lines } = display(3);
    shown.event(leased("a"));
    shown.event(event("attempt_started", { task_id: "a", state: "running" }));
    shown.event(ended("a", { state: "completed", outcome: "succeeded" }));
    shown.event(
      ended("b", { state: "failed", failure_class: "assertion", message: "exit code 1\n1 failed, 2 passed\u001B[0m" }),
    );
    shown.event(ended("c", { state: "queued", failure_class: "crash", message: "killed by SIGSEGV" }));
    shown.event(event("task_skipped", { task_id: "d", state: "skipped", message: "b did not complete" }));
    expect(lines()).toEqual([
      "✓ completed a on w1, 1.3 s",
      "✕ failed b (assertion, on w1, 1.3 s)",
      "    exit code 1",
      "    1 failed, 2 passed [0m",
      "! c will be tried again (attempt 1: crash, on w1, 1.3 s)",
      "    killed by SIGSEGV",
      "– skipped d: b did not complete",
    ]);
    shown.end();
  });

  it("keeps quiet about what completed in a large run, and beats every 30 s", () => {
    const { shown, clock, lines } = display(5000);
    shown.event(leased("x"));
    shown.event(ended("a", { state: "completed" }));
    shown.event(ended("b", { state: "failed", failure_class: "timeout", message: "took 9 s" }));
    expect(lines()).toEqual(["! error b (timeout, on w1, 1.3 s)", "    took 9 s"]);
    clock.advance(60_000);
    expect(lines()).toEqual([
      "▶ r1: 2/5000 done, 1 with errors, 1 on 1 worker, 30 s, about 20 h 49 min left",
      "▶ r1: 2/5000 done, 1 with errors, 1 on 1 worker, 1 min 0 s, about 41 h 39 min left",
    ]);
    shown.end();
    expect(clock.pendingTimers).toBe(0);
  });

  it("counts a cancelled task once", () => {
    const { shown } = display(1);
    shown.event(leased("a"));
    shown.event(event("task_cancelled", { task_id: "a", message: "no longer needed" }));
    shown.event(ended("a", { state: "cancelled", outcome: "cancelled" }));
    expect(shown.progress.done).toBe(1);
    shown.end();
  });
});

describe("RunDisplay of attempts that do not come to their end", () => {
  it("tells of a preempted attempt, with the reason, and goes on with the next one", () => {
    const { shown, clock, lines } = display(2);
    shown.event(leased("a"));
    shown.event(event("attempt_started", { task_id: "a", attempt: 1, state: "running" }));
    shown.event(event("claim_opened", { task_id: "urgent", state: "queued", message: "kept free for it: w1" }));
    const reason = "makes room for task urgent of priority 90";
    shown.event(event("attempt_revoked", { task_id: "a", attempt: 1, worker_id: "w1", message: reason }));
    expect(shown.progress.active).toMatchObject([{ taskId: "a", started: true }]);
    shown.event(ended("a", { state: "queued", outcome: "preempted" }));
    expect(lines()).toEqual([`– preempted a on w1, 1.3 s: ${reason}`]);
    expect([shown.progress.done, shown.progress.active]).toEqual([0, []]);
    clock.advance(30_000);
    expect(lines()).toEqual(["▶ r1: 0/2 done, 0 on 0 workers, 30 s"]);
    shown.end();
  });

  it("says nothing of one that was handed back before it began", () => {
    const { shown, lines } = display(1);
    shown.event(leased("a"));
    shown.event(event("attempt_revoked", { task_id: "a", attempt: 1, message: "another worker can start it now" }));
    const back = { task_id: "a", attempt: 1, worker_id: "w1", state: "queued", outcome: "preempted" };
    shown.event(event("attempt_finished", back));
    expect(lines()).toEqual([]);
    shown.end();
  });

  it("follows both attempts of a hedged task and counts it once", () => {
    const { shown, lines } = display(1);
    shown.event(leased("a"));
    shown.event(event("attempt_started", { task_id: "a", attempt: 1, state: "running" }));
    shown.event({ ...leased("a"), attempt: 2, worker_id: "w2" });
    expect(shown.progress.active).toMatchObject([
      { attempt: 1, started: true, workerId: "w1" },
      { attempt: 2, started: false, workerId: "w2" },
    ]);
    shown.event(ended("a", { state: "running", outcome: "cancelled" }));
    shown.event(ended("a", { attempt: 2, worker_id: "w2", state: "completed", outcome: "succeeded" }));
    expect(lines()).toEqual(["✓ completed a on w2, 1.3 s"]);
    expect([shown.progress.completed, shown.progress.done, shown.progress.active]).toEqual([1, 1, []]);
    shown.end();
  });

  it("tells when one of two attempts is lost", () => {
    const { shown, lines } = display(1);
    shown.event(leased("a"));
    shown.event({ ...leased("a"), attempt: 2, worker_id: "w2" });
    shown.event(ended("a", { state: "running", outcome: "lost", failure_class: "worker_lost", message: "w1 is gone" }));
    expect(lines()).toEqual([
      "! a goes on with another attempt (attempt 1: worker_lost, on w1, 1.3 s)",
      "    w1 is gone",
    ]);
    expect([shown.progress.done, shown.progress.active]).toMatchObject([0, [{ attempt: 2 }]]);
    shown.end();
  });
});

describe("RunDisplay on a terminal", () => {
  it("keeps the live region small, uncut lines out, and takes it away at the end", () => {
    const { shown, clock, written } = display(40, { isTTY: true, columns: 38 });
    for (let index = 0; index < 20; index += 1) shown.event(leased(`task-with-a-long-name-${index}`));
    clock.advance(200);
    const frame = stripVTControlCharacters(written.join("")).trimEnd().split("\n");
    expect(frame).toHaveLength(12);
    expect(frame[0]).toBe("▶ r1: 0/40 done, 20 on 1 worker, 0.2…");
    expect(frame.at(-1)).toBe("  and 10 more");
    expect(Math.max(...frame.map((line) => line.length))).toBeLessThan(38);
    written.length = 0;
    shown.event(ended("task-with-a-long-name-0", { state: "completed" }));
    expect(written.join("").startsWith(`${takeAway}✓ completed task-with-a-long-name-0 on w1, 1.3 s\n▶ r1`)).toBe(true);
    written.length = 0;
    shown.end();
    expect(written).toEqual([takeAway]);
    expect(clock.pendingTimers).toBe(0);
  });
});
