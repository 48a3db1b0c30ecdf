import { describe, expect, test } from "vitest";
import { asWorkerId } from "../base/index.ts";
import type { WorkerAction, WorkerAnswerItem } from "../contracts/index.ts";
import type { Reply } from "./commands.ts";
import { Bench, copyBySnapshot, spec, textOf } from "./scheduler-acceptance.ts";

const workerId = asWorkerId("w1");

/** A worker to command. */
class Commanded extends Bench {
  constructor() {
    super();
    this.worker("w1");
  }

  command(commandId: string, action: WorkerAction, version: string | null = null): Reply {
    const asked = { workerId, commandId, action, deadlineMs: 5_000, version, by: "ann", reason: "upkeep" };
    return this.do({ type: "command_worker", ...asked });
  }

  answer(commandId: string, state: WorkerAnswerItem["state"], session = "w1-1"): void {
    this.do({ type: "worker_answered", workerId, sessionId: session, commandId, state, message: `is ${state}` });
  }

  get events(): string[] {
    return this.journal.map(({ event }) => event.type).filter((type) => type !== "worker_registered");
  }

  get states(): string[] {
    return this.workerOf("w1").commands.map(({ commandId, state }) => `${commandId} ${state}`);
  }
}

describe("a command", () => {
  test("is on record with who asked, when and why, and how it went", () => {
    const it = new Commanded();
    it.command("c1", "restart");
    it.answer("c1", "accepted");
    it.answer("c1", "done");
    expect(it.workerOf("w1").commands).toEqual([
      {
        commandId: "c1",
        action: "restart",
        deadlineMs: 5_000,
        version: null,
        by: "ann",
        reason: "upkeep",
        atMs: 1_000,
        state: "done",
        message: "is done",
      },
    ]);
    expect(it.events).toEqual(["worker_commanded", "worker_answered", "worker_answered"]);
  });

  test("with an id that is known does nothing a second time; with another meaning it is refused", () => {
    const it = new Commanded();
    it.command("c1", "stop");
    const events = it.events;
    expect(it.command("c1", "stop")).toEqual({ type: "done" });
    expect(it.command("c1", "restart")).toMatchObject({ type: "refused", fault: { code: "conflict" } });
    expect(it.events).toEqual(events);
  });

  test("for a worker that is not known is refused", () => {
    const asked = { commandId: "c", action: "stop" as const, deadlineMs: null, version: null, by: "x", reason: "" };
    const reply = new Bench().do({ type: "command_worker", workerId, ...asked });
    expect(reply).toMatchObject({ type: "refused", fault: { code: "not_found" } });
  });

  test("is sent again to each session until it is over, whatever process answers", () => {
    const it = new Commanded();
    it.command("c1", "update", "2.0.0");
    it.answer("c1", "accepted");
    expect(it.worker("w1", { incarnation: "2" })).toMatchObject({ commands: [{ commandId: "c1", version: "2.0.0" }] });
    it.answer("c1", "failed", "w1-2");
    expect(it.worker("w1", { incarnation: "3" })).toMatchObject({ commands: [] });
    expect(it.states).toEqual(["c1 failed"]);
  });

  test("takes its last answer for good; answers of another session or to an unknown command change nothing", () => {
    const it = new Commanded();
    it.command("c1", "restart");
    it.answer("c1", "done", "an older session");
    it.answer("c9", "done");
    expect(it.states).toEqual(["c1 pending"]);
    it.answer("c1", "failed");
    it.answer("c1", "done");
    expect(it.states).toEqual(["c1 failed"]);
  });

  test("is kept by a snapshot", () => {
    const it = new Commanded();
    it.command("c1", "drain");
    const copy = copyBySnapshot(it.state);
    expect(copy.workers.get(workerId)?.commands).toEqual(it.workerOf("w1").commands);
    expect(textOf(copy)).toBe(textOf(it.state));
  });

  test("that is over is forgotten after 50 later ones; one that is not is kept", () => {
    const it = new Commanded();
    it.command("open", "restart");
    for (let number = 0; number < 60; number += 1) {
      it.command(`c${number}`, "restart");
      it.answer(`c${number}`, "done");
    }
    expect(it.states).toHaveLength(51);
    expect(it.states.slice(0, 2)).toEqual(["open pending", "c10 done"]);
  });
});

describe("work", () => {
  test.each(["drain", "stop"] as const)(
    "stops with %s at once, also in the next process while it is not done",
    (action) => {
      const it = new Commanded();
      it.command("c1", action);
      it.submit([spec("a")]);
      expect(it.task("a").state).toBe("queued");
      expect(it.worker("w1", { incarnation: "2" })).toMatchObject({ draining: true });
      expect(it.task("a").state).toBe("queued");
      it.answer("c1", "done", "w1-2");
      expect(it.worker("w1", { incarnation: "3" })).toMatchObject({ draining: false });
      expect(it.task("a").state).toBe("leased");
    },
  );

  test.each(["restart", "update"] as const)(
    "goes on with %s until the worker says otherwise: it may fail",
    (action) => {
      const it = new Commanded();
      it.command("c1", action, action === "update" ? "2" : null);
      it.submit([spec("a")]);
      expect(it.task("a").state).toBe("leased");
    },
  );
});
