import { expect, test } from "vitest";
import { asWorkerId, systemClock } from "../base/index.ts";
import { capabilityDocument, PROTOCOL_VERSION } from "../contracts/index.ts";
import type { PlacedEvent, WorkerFrameOf } from "../contracts/index.ts";
import { emptyState, step } from "../scheduler/index.ts";
import type { Command, State } from "../scheduler/index.ts";
import { LiveLogs } from "./live-logs.ts";
import { WorkerLink } from "./worker-link.ts";
import type { WorkerLinkOptions, WorkerSession } from "./worker-link.ts";

const capabilities = capabilityDocument.parse({
  hostname: "host",
  os: { platform: "linux", release: "6", arch: "x64" },
  cpu: { model: "cpu", cores: 4, threads: 4 },
  memory_gb: 16,
  disk_free_gb: 100,
  hardware: ["cpu"],
  task_types: ["command"],
});

/** A link on a state whose batches are committed by hand. */
function newLink(): {
  state: State;
  link: WorkerLink;
  execute: WorkerLinkOptions["execute"];
  commit: () => void;
} {
  const state = emptyState();
  let events: PlacedEvent[] = [];
  let answers: (() => void)[] = [];
  const execute: WorkerLinkOptions["execute"] = (command, answer) => {
    const { events: more, reply } = step(state, command, 1_000);
    events.push(...more);
    if (answer) answers.push(() => answer(reply));
    return true;
  };
  let sessions = 0;
  const link = new WorkerLink({
    state,
    execute,
    newSessionId: () => `s${(sessions += 1)}`,
    clock: systemClock,
    liveLogs: new LiveLogs(() => undefined),
    heartbeatIntervalMs: 1_000,
    workerTimeoutMs: 3_000,
    reconnectGraceMs: 3_000,
  });
  const commit = (): void => {
    const [answering, committed] = [answers, events];
    answers = [];
    events = [];
    for (const answer of answering) answer();
    link.onCommitted(committed);
  };
  return { state, link, execute, commit };
}

function connect(link: WorkerLink, incarnation: string): string[] {
  const sent: string[] = [];
  greet(link, incarnation, {
    welcome: () => sent.push("welcome"),
    send: ({ type }) => sent.push(type),
    close: () => sent.push("close"),
  });
  return sent;
}

function greet(
  link: WorkerLink,
  incarnation: string,
  session: WorkerSession & Partial<Pick<WorkerFrameOf<"hello">, "held">>,
): void {
  link.onHello(session, {
    type: "hello",
    protocol_version: PROTOCOL_VERSION,
    assay_version: "0",
    worker_id: "w",
    name: "w",
    incarnation,
    capabilities,
    slots: 1,
    credits: 1,
    held: session.held ?? [],
  });
}

const drain: Command = {
  type: "command_worker",
  workerId: asWorkerId("w"),
  commandId: "c1",
  action: "drain",
  deadlineMs: null,
  version: null,
  by: "admin",
  reason: "upkeep",
};

test("what a process did not end is asked of the next one", () => {
  const { link, execute, commit } = newLink();
  const first = connect(link, "1");
  commit();
  // All in one batch: the request to drain, and the new process that takes the place of the one it was meant for.
  execute(drain);
  const second = connect(link, "2");
  commit();
  expect(first).toEqual(["welcome", "close"]);
  expect(new Set(second)).toEqual(new Set(["welcome", "drain", "command"]));
});

test("a command is sent when it is committed, and again in each session until its last answer", () => {
  const { link, execute, commit } = newLink();
  const first = connect(link, "1");
  commit();
  execute(drain);
  expect(first).toEqual(["welcome"]);
  commit();
  const second = connect(link, "1");
  commit();
  execute({
    ...{ type: "worker_answered", workerId: asWorkerId("w"), sessionId: "s2" },
    ...{ commandId: "c1", state: "done", message: "" },
  });
  commit();
  const third = connect(link, "1");
  commit();
  expect(first).toEqual(["welcome", "drain", "command", "close"]);
  expect(second).toEqual(["welcome", "drain", "command", "close"]);
  // It is the same process, so it drains still.
  expect(third).toEqual(["welcome", "drain"]);
});

test("a worker whose session ended has its time by the journal's clock, wherever the system's stands", () => {
  const { state, link, commit } = newLink();
  const session: WorkerSession = { welcome: () => undefined, send: () => undefined, close: () => undefined };
  greet(link, "1", session);
  commit();
  link.onClosed(session, { reason: "connection_lost", message: "cut" });
  expect(state.workers.get(asWorkerId("w"))).toMatchObject({ state: "suspect", timerMs: 1_000 + 3_000 });
});

test("a worker that holds leases from beyond the journal's end must forget them before it gets any", () => {
  const { state, link, commit } = newLink();
  const sent: string[] = [];
  const session: WorkerSession = {
    welcome: () => sent.push("welcome"),
    send: ({ type }) => sent.push(type),
    close: (reason) => sent.push(reason),
  };
  const lease = { lease_seq: 1_000, run_id: "r", task_id: "t", attempt: 1, state: "finished" as const };
  const holder = { ...session, held: [lease] };
  greet(link, "1", holder);
  // Only a leader that can commit may say so: one that was replaced knows less than the workers, too.
  expect(sent).toEqual([]);
  commit();
  expect(sent).toEqual(["journal_put_back"]);
  expect(state.workers.get(asWorkerId("w"))?.state).toBe("suspect");
  link.onClosed(holder, { reason: "journal_put_back", message: "" });
  expect(connect(link, "1")).toEqual([]);
  commit();
  expect(state.workers.get(asWorkerId("w"))?.state).toBe("ready");
});
