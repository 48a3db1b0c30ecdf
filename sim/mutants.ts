import type { Options } from "./options.ts";

type Needs = (options: Options) => boolean;

/** Planted bugs: in `file`, the text `from`, which must be there once, becomes `to`. */
export interface Mutant {
  name: string;
  file: string;
  from: string;
  to: string;
  /** Seeds that can show it at all: they come first. */
  needs: Needs;
}

const row = (name: string, file: string, change: [from: string, to: string, needs?: Needs]): Mutant => ({
  name,
  file: `src/${file}`,
  from: change[0],
  to: change[1],
  needs: change[2] ?? (() => true),
});

const fault =
  (...names: Options["faults"]): Needs =>
  ({ faults }) =>
    names.some((name) => faults.includes(name));
/** Some of these features. */
const feature =
  (...names: (keyof Options["features"])[]): Needs =>
  ({ features }) =>
    names.some((name) => features[name]);
const both =
  (...all: Needs[]): Needs =>
  (options) =>
    all.every((one) => one(options));
/** A leader that starts with a snapshot. */
const restores: Needs = both(
  fault("coordinator_crash", "second_leader"),
  ({ snapshotEvery }) => snapshotEvery > 0 && snapshotEvery <= 100,
);

export const MUTANTS: readonly Mutant[] = [
  row("result counts without its lease", "scheduler/decide-attempt.ts", [
    "return lease?.workerId === command.workerId ? lease : undefined;",
    "return lease;",
    fault("forge_result"),
  ]),
  row("late result counts again", "scheduler/decide-attempt.ts", [
    'if (past.digest === digest) return { events: [], reply: { type: "ack", leaseSeq, verdict: "accepted" } };',
    'if (past.digest === digest) return { events: [], reply: { type: "ack", leaseSeq, verdict: "stale" } };',
    fault("drop", "half_open"),
  ]),
  row("loser of a hedge goes on", "scheduler/decide-attempt.ts", [
    'after.state === "queued" || after.state === "running" ? [] : superseded(task, lease, nowMs)',
    "[]",
    feature("hedging"),
  ]),
  row("retried although cancelled", "scheduler/decide-attempt.ts", [
    'return task.cancelRequested ? { state: "cancelled" } : { state: "queued", notBeforeMs: nowMs };',
    'return { state: "queued", notBeforeMs: nowMs };',
    both(feature("failures"), ({ requests }) => requests.includes("cancel_task")),
  ]),
  row("assertion is retried", "scheduler/retry.ts", [
    'if (failure.class === "assertion") return { state: "failed" };',
    "",
    feature("failures"),
  ]),
  row("one retry too many", "scheduler/retry.ts", [
    "before >= policy.max_retries",
    "before > policy.max_retries",
    feature("failures"),
  ]),
  row("no poison limit", "scheduler/retry.ts", [
    "const isOver = lostUnder",
    "const isOver = false && lostUnder",
    feature("poison"),
  ]),
  row("lost thrice by one worker is poison", "scheduler/retry.ts", [
    "return [...new Set(",
    "return [...(",
    feature("poison"),
  ]),
  row("flapping worker is leased", "contracts/views.ts", [
    '> nowMs ? "flapping" : "ready"',
    '> nowMs ? "ready" : "ready"',
    fault("drop", "half_open"),
  ]),
  row("worker in quarantine is leased", "contracts/views.ts", [
    'if (quarantined) return "quarantined";',
    "",
    feature("failures"),
  ]),
  row("resources not given back", "scheduler/resources.ts", ["  settle(worker.resources, lease, 1);\n  for", "  for"]),
  row("resources given back twice", "scheduler/resources.ts", [
    "  settle(worker.resources, lease, 1);\n  for",
    "  settle(worker.resources, lease, 1);\n  settle(worker.resources, lease, 1);\n  for",
  ]),
  row("locks not looked at", "scheduler/resources.ts", [
    "if (demand.locks.some((lock) => state.locks.has(lock))) return null;",
    "",
    feature("locks"),
  ]),
  row("exclusive ignored", "scheduler/resources.ts", [
    "if (demand.exclusive && worker.machine.leases > 0) return null;",
    "",
    feature("exclusive"),
  ]),
  row("machine stays exclusive", "scheduler/resources.ts", [
    "if (worker.machine.exclusive === lease) worker.machine.exclusive = exclusiveOn(worker.machine);",
    "",
    feature("exclusive"),
  ]),
  row("group leased in part", "scheduler/placement.ts", [
    "if (seats) return seats.map(leaseEvent);",
    "if (seats) return seats.slice(0, 1).map(leaseEvent);",
    feature("groups"),
  ]),
  row("claim never ends", "scheduler/claims.ts", [
    "    worker.claim = null;\n    refreshStanding",
    "    refreshStanding",
    feature("groups", "exclusive"),
  ]),
  row("claimed worker takes other work", "scheduler/profile.ts", [
    " || claim || machine.exclusive",
    " || machine.exclusive",
    feature("groups", "exclusive"),
  ]),
  row("exclusive machine takes other work", "scheduler/profile.ts", [
    " || claim || machine.exclusive",
    " || claim",
    feature("exclusive"),
  ]),
  row("credits ignored by one", "scheduler/profile.ts", ["leases.size >= credits", "leases.size > credits"]),
  row("benchmarks are preempted", "scheduler/preemption.ts", [
    'spec.type !== "benchmark" && ',
    "",
    both(feature("exclusive"), feature("preemption"), feature("priorities")),
  ]),
  row("preemption without a gap", "scheduler/preemption.ts", [
    "export const PREEMPTION_GAP = 10;",
    "export const PREEMPTION_GAP = 1;",
    both(feature("preemption"), feature("priorities")),
  ]),
  row("condition of a dependency ignored", "scheduler/transition.ts", [
    "if (!isConditionMet(condition, end)) {",
    "if (false) {",
    both(feature("dependencies"), feature("failures")),
  ]),
  row("dependents are not told", "scheduler/transition.ts", [
    "    makeReady(state, dependent);\n",
    "",
    feature("dependencies"),
  ]),
  row("skipped twice", "scheduler/evolve.ts", [
    "      state.due.skips.delete(task);\n",
    "",
    both(feature("dependencies"), feature("failures")),
  ]),
  row("drained worker is leased", "contracts/views.ts", [
    'if (draining) return "draining";',
    "",
    ({ requests }) => requests.includes("drain"),
  ]),
  row("drain forgotten on reconnect", "scheduler/evolve-worker.ts", [
    "const draining = known?.incarnation === event.incarnation && known.draining;",
    "const draining = false;",
    both(fault("drop", "half_open"), ({ requests }) => requests.includes("drain")),
  ]),
  row("suspect worker is leased", "scheduler/evolve-worker.ts", [
    "  Object.assign(worker, next);",
    '  Object.assign(worker, next, { state: "ready" });',
    fault("drop", "worker_crash", "half_open"),
  ]),
  row("quota ignored", "scheduler/share-tree.ts", [
    "if (at.maxRunning !== null && at.running >= at.maxRunning) return undefined;",
    "",
    both(feature("quotas"), ({ requests }) => requests.includes("share")),
  ]),
  row("ageing removed", "scheduler/priority.ts", [
    "return Math.floor(readySinceMs / AGEING_MS_PER_POINT) - priority;",
    "return readySinceMs * 0 - priority;",
    both(
      feature("dependencies", "priorities"),
      ({ features, taskMs }) => !features.groups && !features.kinds && !features.hedging && taskMs > 20,
    ),
  ]),
  row("priority upside down", "scheduler/priority.ts", [
    "if (a.rank !== b.rank) return a.rank - b.rank;",
    "if (a.rank !== b.rank) return b.rank - a.rank;",
    feature("priorities"),
  ]),
  row("shares ignore weights", "scheduler/fairness.ts", [
    "return Math.log((running + 1) / weight)",
    "return Math.log(running + 1)",
    ({ fair }) => fair,
  ]),
  row("fallback never opens", "scheduler/transition.ts", [
    "setTimer(state, { task }, nextFallbackMs(task));",
    "nextFallbackMs(task);",
    feature("fallback"),
  ]),
  row("retry timer not set", "scheduler/evolve-attempt.ts", [
    "else setTimer(state, { task }, task.notBeforeMs);",
    "",
    feature("failures"),
  ]),
  row("no deadline", "scheduler/evolve-attempt.ts", [
    "  setTimer(state, { lease }, lease.deadlineMs);\n",
    "",
    both(feature("hangs"), fault("worker_stopped")),
  ]),
  row("snapshot forgets payloads", "scheduler/snapshot.ts", [
    "    payload,\n    leases,",
    "    payload: null,\n    leases,",
    ({ progress }) => progress,
  ]),
  row("snapshot forgets timers", "scheduler/snapshot.ts", [
    "if (task.notBeforeMs > 0) setTimer(state, { task }, task.notBeforeMs);",
    "if (task.notBeforeMs > 0) return;",
    both(feature("failures"), restores),
  ]),
  row("resend lost", "scheduler/decide-worker.ts", ["    resend.push(leaseSeq);\n", ""]),
  row("held leases ignored", "scheduler/decide-worker.ts", [
    "    const there = holds.get(lease.leaseSeq);",
    "    const there = undefined as (typeof held)[number] | undefined;",
    fault("drop", "half_open"),
  ]),
  row("lost lease not noticed", "scheduler/decide-worker.ts", [
    "lease.leaseSeq > command.receivedSeq || held.has(lease.leaseSeq) ? []",
    "lease.leaseSeq > command.receivedSeq || held.has(lease.leaseSeq) || true ? []",
    fault("forget_lease"),
  ]),
  row("same key, two runs", "scheduler/evolve-run.ts", [
    "if (event.idempotencyKey !== null) remember(state, event.idempotencyKey, event);",
    "",
  ]),
  row("acknowledged before it is committed", "coordinator/leader.ts", [
    "    if (answer) turn.answers.push({ answer, reply });",
    "    if (answer) answer(reply);",
  ]),
  row("leases sent before they are committed", "coordinator/leader.ts", [
    "    if (turn.events.length > 0) {\n      this.inFlight += 1;",
    "    if (turn.events.length > 0) {\n      this.options.onCommitted(turn.events);\n      this.inFlight += 1;",
  ]),
  row("leader's timer not set again", "coordinator/leader.ts", [
    '        this.execute({ type: "tick" });\n      }\n    }\n    this.arm();',
    '        this.execute({ type: "tick" });\n      }\n    }',
    both(
      feature("failures"),
      ({ faults, heartbeatMs, workers }) => faults.length === 0 && heartbeatMs > 2_000 && workers.length < 4,
    ),
  ]),
  row("time falls over a change of leader", "coordinator/leadership.ts", [
    "Math.max(clock.nowMs(), state.nowMs)",
    "clock.nowMs()",
    fault("clock_jump"),
  ]),
  row("recall not sent", "coordinator/worker-link.ts", [
    "if (peer?.welcomed) this.fill(peer).addRevoke({ lease_seq: leaseSeq, running, reason });",
    "",
    both(feature("preemption"), feature("priorities"), ({ faults }) => faults.length === 0),
  ]),
  row("time stands still behind the wall clock", "coordinator/leader.ts", [
    "if (wallMs < goneOnMs) return goneOnMs;",
    "if (wallMs < this.latest.atMs) return this.latest.atMs;",
    both(feature("failures"), fault("clock_jump")),
  ]),
  row("revoked token still counts", "scheduler/tokens.ts", [
    "token.revoked = true",
    "token.revoked = false",
    ({ requests }) => requests.includes("token"),
  ]),
  row("row of a retried task is not changed", "results/projection.ts", [
    '      task.status = "queued";\n      task.workerId = null;',
    "      task.workerId = null;",
    both(feature("failures"), ({ exact }) => exact),
  ]),
  row("row of a cancelled task stays open", "results/projection.ts", [
    'if (task?.status === "blocked" || task?.status === "queued") this.endTask',
    'if (task?.status === "queued") this.endTask',
    both(feature("dependencies"), ({ exact, requests }) => exact && requests.includes("cancel_run")),
  ]),
  row("unknown taken for committed", "journal/journal-writer.ts", [
    'if (outcome.kind === "committed") return undefined;\n    if (outcome.kind === "fenced" && outcome.by',
    'if (outcome.kind !== "fenced") return undefined;\n    if (outcome.by',
    ({ store }) => store.faults > 0,
  ]),
  row("fenced leader goes on", "journal/journal-writer.ts", [
    "return fencedError(batch, outcome.by);\n    this.resolving = true;",
    "return undefined;\n    this.resolving = true;",
    fault("second_leader"),
  ]),
  row("epoch not raised", "journal/journal-writer.ts", [
    "options.tail.epoch + 1",
    "Math.max(options.tail.epoch, 1)",
    fault("second_leader", "coordinator_crash"),
  ]),
  row("age lost when a fallback opens", "scheduler/share-tree.ts", [
    "    at.servedAtMs = servedAtMs;\n    place(at);",
    "    place(at);",
    both(feature("fallback"), ({ features }) => !features.groups && !features.kinds && !features.hedging),
  ]),
  row("age lost in a snapshot", "scheduler/snapshot.ts", [
    "        return restoreServed(state, value);\n",
    "        return;\n",
  ]),
  row("result deleted before its answer", "worker/outgoing.ts", [
    "    this.options.onFlushed();",
    "    for (const { lease_seq } of results) this.options.outbox.acknowledge(lease_seq);\n    this.options.onFlushed();",
    ({ faults }) => faults.length > 0,
  ]),
  row("results not sent again", "worker/outgoing.ts", [
    "    this.sendResults(this.options.outbox.all());\n",
    "",
    fault("drop", "half_open"),
  ]),
  row("worker runs a lease twice", "worker/slots.ts", [
    "if (this.waiting.has(leaseSeq) || this.running.has(leaseSeq) || this.ended.has(leaseSeq)) return;",
    "",
    fault("wrong_held"),
  ]),
  row("damaged frame passed over", "transport/session/frame-link.ts", [
    "if (!frame.ok) return this.end(frame.error.code, frame.error.message);",
    "if (!frame.ok) return;",
    fault("damaged_frame"),
  ]),
  row("results not synced while the coordinator is away", "worker/worker.ts", [
    "    this.heartbeat?.stop();\n    this.options.outbox.outlast(true);\n",
    "    this.heartbeat?.stop();\n",
    fault("worker_power_loss"),
  ]),
  row("worker keeps the epoch of a lost history", "worker/worker.ts", [
    "    this.highestEpoch = 0;\n",
    "",
    fault("restore_backup"),
  ]),
  row("slot not filled again", "worker/slots.ts", [
    "      this.finish(item, startedAtMs, result);\n    }\n    this.fill();",
    "      this.finish(item, startedAtMs, result);\n    }",
  ]),
];
