import { expect, test } from "vitest";
import { asWorkerId, systemClock } from "../base/index.ts";
import { capabilityDocument } from "../contracts/index.ts";
import type { PlacedEvent } from "../contracts/index.ts";
import { emptyState, step } from "../scheduler/index.ts";
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
function newLink(): { link: WorkerLink; execute: WorkerLinkOptions["execute"]; commit: () => void } {
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
  return { link, execute, commit };
}

function connect(link: WorkerLink, incarnation: string): string[] {
  const sent: string[] = [];
  const session: WorkerSession = {
    welcome: () => sent.push("welcome"),
    send: ({ type }) => sent.push(type),
    close: () => sent.push("close"),
  };
  link.onHello(session, {
    type: "hello",
    protocol_version: 2,
    assay_version: "0",
    worker_id: "w",
    name: "w",
    incarnation,
    capabilities,
    slots: 1,
    credits: 1,
    held: [],
  });
  return sent;
}

test("a worker that is started anew is not told to drain by what was asked of the process before", () => {
  const { link, execute, commit } = newLink();
  const first = connect(link, "1");
  commit();
  // All in one batch: the request to drain, and the new process that takes the place of the one it was meant for.
  execute({ type: "drain_worker", workerId: asWorkerId("w"), by: "admin", reason: "upkeep" });
  const second = connect(link, "2");
  commit();
  expect(first).toEqual(["welcome", "close"]);
  expect(second).toEqual(["welcome"]);
});

test("a worker is told to drain, and told again in its next session", () => {
  const { link, execute, commit } = newLink();
  const first = connect(link, "1");
  commit();
  execute({ type: "drain_worker", workerId: asWorkerId("w"), by: "admin", reason: "upkeep" });
  commit();
  const second = connect(link, "1");
  commit();
  expect(first).toEqual(["welcome", "drain", "close"]);
  expect(second).toEqual(["welcome", "drain"]);
});
