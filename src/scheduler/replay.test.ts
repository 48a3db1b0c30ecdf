import fc from "fast-check";
import { expect, test } from "vitest";
import { asRunId, asTaskId, asWorkerId, seededRng } from "../base/index.ts";
import type { Rng, WorkerId } from "../base/index.ts";
import {
  capabilityDocument,
  dependencyCondition,
  dependencyTask,
  failureClasses,
  isConditionMet,
  resultDocument,
  taskSpec,
  workerAnswerStates,
} from "../contracts/index.ts";
import type { FailurePattern, PlacedEvent, TaskSpec } from "../contracts/index.ts";
import { admissionOf, isMarking, marksOfWork, marksOfWorker } from "./avoidance.ts";
import type { Command } from "./commands.ts";
import { evolve } from "./evolve.ts";
import { isStartable } from "./groups.ts";
import { isPreemptible } from "./preemption.ts";
import type { Demand } from "./resources.ts";
import { copyBySnapshot, textOf } from "./scheduler-acceptance.ts";
import { emptyCounts, emptyState, countColumn, isTerminal } from "./state.ts";
import type { State, WorkerRecord } from "./state.ts";
import { assign, review, step } from "./step.ts";

/** Random workers, runs, results, losses and cancellations, at random times. */
class Chaos {
  readonly state: State = emptyState();
  readonly journal: PlacedEvent[] = [];
  readonly rng: Rng;
  nowMs = 1_000;
  private runs = 0;
  private sessions = 0;

  constructor(seed: number) {
    this.rng = seededRng(seed);
  }

  turn(): void {
    const longestMs = this.rng.below(40) === 0 ? 1_200_000 : this.rng.below(4) === 0 ? 40_000 : 50;
    this.nowMs += this.rng.below(longestMs);
    const commands = Array.from({ length: 1 + this.rng.below(3) }, () => this.command());
    for (const command of commands) if (command) this.journal.push(...step(this.state, command, this.nowMs).events);
    const policy = this.rng.below(3) === 0 ? review : assign;
    this.journal.push(...policy(this.state, this.nowMs, 100));
  }

  private command(): Command | undefined {
    switch (this.rng.below(20)) {
      case 0:
        return this.register();
      case 1:
        return this.submit();
      case 2:
        return this.disconnect();
      case 3:
        return { type: "tick" };
      case 4: {
        if (this.rng.below(5) > 0) return this.started();
        const run = this.pick([...this.state.runs.values()]);
        return run && { type: "cancel_run", runId: run.runId, by: "x", reason: "x" };
      }
      case 5: {
        if (this.rng.below(5) > 0) return this.started();
        const worker = this.pick([...this.state.workers.values()]);
        if (this.rng.below(2) === 0) return this.pattern();
        return worker && this.order(worker.workerId, worker.sessionId);
      }
      case 6:
        if (this.rng.below(3) === 0) return this.pattern();
        return { type: "projected", seq: this.state.seq - this.rng.below(20) };
      case 7:
        return this.rng.below(20) === 0
          ? { type: "open_epoch", epoch: this.state.epoch + 1, holder: "h", graceMs: 30_000 }
          : undefined;
      case 8:
      case 9:
        return this.started();
      case 10: {
        if (this.rng.below(4) === 0) return this.rng.below(2) === 0 ? this.template() : this.mute();
        const kind = this.rng.below(2) === 0 ? "user" : "pool";
        const name = kind === "user" ? `u${this.rng.below(3)}` : `p${this.rng.below(2)}`;
        const maxRunning = this.rng.below(4) > 0 ? null : this.rng.below(4);
        return { type: "set_share", kind, name, weight: 1 + this.rng.below(9), maxRunning, by: "x" };
      }
      case 11: {
        const lease = this.pick([...this.state.leases.values()]);
        const payload = `p${this.rng.below(3)}`;
        return lease && { type: "attempt_progressed", workerId: lease.workerId, leaseSeq: lease.leaseSeq, payload };
      }
      case 12:
      case 13:
        return this.released();
      case 14: {
        const worker = this.pick([...this.state.workers.values()]);
        if (!worker?.sessionId) return undefined;
        const { workerId, sessionId } = worker;
        return { type: "update_capabilities", workerId, sessionId, ...this.offer(worker.name) };
      }
      case 15: {
        const task = this.pick([...this.state.runs.values()].flatMap((run) => [...run.tasks.values()]));
        if (this.rng.below(3) > 0) return this.started();
        return task && { type: "cancel_task", runId: task.run.runId, taskId: task.taskId, by: "x", reason: "x" };
      }
      default:
        return this.finished();
    }
  }

  private template(): Command {
    const { rng } = this;
    const name = `t${rng.below(3)}`;
    if (rng.below(4) === 0) return { type: "remove_template", name, by: "x" };
    const parent = rng.below(2) === 0 ? { extends: `t${rng.below(3)}` } : {};
    const document = { name, description: `d${rng.below(3)}`, applies_to: {}, parameters: {}, tasks: [], ...parent };
    return { type: "add_template", template: document, by: "x" };
  }

  /** A test is muted, changed, unmuted by a person, or found to be steady. */
  private mute(): Command {
    const { rng } = this;
    const known = this.pick([...this.state.mutes.keys()]);
    if (known !== undefined && rng.below(4) === 0) return { type: "unmute_test", muteId: known, by: "x" };
    if (known !== undefined && rng.below(4) === 0) {
      const evidence = { runs: 90, passes: 90, failures: 0, flaky_probability: rng.below(2) / 100 + 0.01 };
      return { type: "report_muted", tests: [{ muteId: known, evidence }] };
    }
    const test = { framework: "pytest" as const, directory: ".", testId: `t${rng.below(3)}` };
    const untilMs = rng.below(2) === 0 ? null : this.nowMs + 1 + rng.below(60_000);
    return { type: "mute_test", test, owner: `o${rng.below(3)}`, reason: "x", untilMs, by: "x" };
  }

  /** Something is found to fail, at random, or a person has a word about it. */
  private pattern(): Command {
    const { rng } = this;
    const known = this.pick([...this.state.patterns.keys()]);
    if (known !== undefined && rng.below(3) === 0) {
      const action = rng.below(2) === 0 ? "avoid" : "allow";
      return { type: "set_pattern", patternId: known, action, by: "x", reason: "x" };
    }
    const factors = {
      ...(rng.below(3) > 0 ? { worker: `w${rng.below(6)}` } : {}),
      ...(rng.below(4) === 0 ? { hardware: "cuda" } : {}),
      ...(rng.below(3) === 0 ? { type: rng.below(2) === 0 ? "benchmark" : "command" } : {}),
    };
    const counts = { attempts: 10, failures: 6 + rng.below(4), attempts_elsewhere: 90, failures_elsewhere: 1 };
    const pattern: FailurePattern = {
      pattern_id: `p-${Object.values(factors).join("-")}`,
      failure: "crash",
      factors,
      same_attempts: {},
      ...counts,
      p: 0,
      q: rng.below(3) === 0 ? 0.04 : 0,
      odds_ratio: 9,
      odds_ratio_low: 3,
      odds_ratio_high: 27,
      examples: [],
    };
    return { type: "report_patterns", seq: this.state.seq - rng.below(50), patterns: [pattern] };
  }

  private register(): Command {
    const name = `w${this.rng.below(6)}`;
    this.sessions += 1;
    const known = this.state.workers.get(asWorkerId(name));
    const kept = [...(known?.leases.keys() ?? [])].filter(() => this.rng.below(3) > 0);
    return {
      type: "register_worker",
      workerId: asWorkerId(name),
      name,
      incarnation: String(this.rng.below(2)),
      sessionId: `s${this.sessions}`,
      ...this.offer(name),
      held: kept.map((lease_seq) => ({ lease_seq, run_id: "r", task_id: "t", attempt: 1, state: "running" })),
    };
  }

  /** What a worker says of itself, another thing each time; three machines have several workers. */
  private offer(
    name: string,
  ): Pick<Extract<Command, { type: "register_worker" }>, "capabilities" | "slots" | "credits"> {
    const { rng } = this;
    const slots = 1 + rng.below(3);
    const capabilities = capabilityDocument.parse({
      hostname: rng.below(4) === 0 ? `h${rng.below(3)}` : `h-${name}`,
      os: { platform: "linux", release: "6", arch: "x64" },
      cpu: { model: "c", cores: 4, threads: 4 },
      memory_gb: 4 + 4 * rng.below(2),
      disk_free_gb: 1,
      gpus: Array.from({ length: rng.below(3) }, (_, index) => ({ index, vendor: "v", name: "g", memory_gb: 8 })),
      hardware: rng.below(2) === 0 ? ["cpu"] : ["cpu", "cuda"],
      task_types: ["command", "benchmark"],
      pools: rng.below(3) === 0 ? ["p0"] : ["p0", "p1"],
    });
    return { capabilities, slots, credits: slots + rng.below(3) };
  }

  private released(): Command | undefined {
    const leases = [...this.state.leases.values()];
    const lease = this.pick(leases.filter(({ revoked }) => revoked !== null)) ?? this.pick(leases);
    if (!lease) return undefined;
    const { workerId, leaseSeq } = lease;
    const payload = this.rng.below(2) === 0 ? { payload: "left" } : {};
    return { type: "attempt_released", workerId, leaseSeq, reason: "x", ...payload };
  }

  private task(index: number): TaskSpec {
    const { rng } = this;
    const conditions = ["success", "failure", "always"] as const;
    const condition = this.pick(conditions) ?? "always";
    const group = rng.below(6) === 0 ? { group: "g" } : {};
    const common = {
      task_id: `t${index}`,
      priority: rng.below(101),
      requirements: rng.below(3) === 0 ? { hardware: ["cuda"] } : {},
      fallback: rng.below(4) === 0 ? [{ hardware: ["cpu"], after_seconds: rng.below(20) }] : [],
      retry_policy: { max_retries: rng.below(3), retry_delay_seconds: rng.below(20) },
      depends_on: index > 0 && rng.below(3) === 0 ? [{ task: `t${rng.below(index)}`, condition }] : [],
      resources: this.resources(),
      preemptible: rng.below(4) > 0,
      hedge: rng.below(3) === 0,
      ...group,
    };
    if (rng.below(8) === 0) return taskSpec.parse({ ...common, type: "benchmark", config: { model: "m" } });
    return taskSpec.parse({ ...common, type: "command", config: { command: `c${rng.below(3)}` } });
  }

  private resources(): object {
    const { rng } = this;
    return {
      ...(rng.below(4) === 0 ? { cpu: rng.below(40) / 10 + 0.1 } : {}),
      ...(rng.below(6) === 0 ? { memory_gb: 1 + rng.below(4) } : {}),
      ...(rng.below(6) === 0 ? { gpu: 1 } : rng.below(6) === 0 ? { gpu_memory_gb: 3 } : {}),
      ...(rng.below(6) === 0 ? { locks: [`l${rng.below(2)}`] } : {}),
      ...(rng.below(8) === 0 ? { exclusive: true } : {}),
    };
  }

  private submit(): Command {
    this.runs += 1;
    const count = 1 + this.rng.below(8);
    const tasks: TaskSpec[] = Array.from({ length: count }, (_, index) => this.task(index));
    const runId = asRunId(`r${this.runs}`);
    const idempotencyKey = this.rng.below(2) === 0 ? `k${this.rng.below(5)}` : null;
    return {
      type: "submit_run",
      runId,
      name: "n",
      submittedBy: `u${this.rng.below(3)}`,
      idempotencyKey,
      digest: "d",
      waitForCapacity: true,
      pool: `p${this.rng.below(2)}`,
      tasks,
    };
  }

  private disconnect(): Command | undefined {
    const worker = this.pick([...this.state.workers.values()]);
    if (!worker?.sessionId) return undefined;
    const { workerId, sessionId } = worker;
    if (this.rng.below(4) === 0) return { type: "worker_goodbye", workerId, sessionId, reason: "x" };
    return {
      type: "worker_disconnected",
      workerId,
      sessionId,
      reason: "x",
      graceMs: this.rng.below(20_000),
    };
  }

  /** Something is asked of a worker, or it says what became of that. */
  private order(workerId: WorkerId, sessionId: string | null): Command {
    const commandId = `c${this.rng.below(4)}`;
    const state = this.pick(workerAnswerStates);
    if (state && sessionId !== null && this.rng.below(2) === 0)
      return { type: "worker_answered", workerId, sessionId, commandId, state, message: "x" };
    const action = this.pick(["drain", "stop", "restart"] as const) ?? "drain";
    const asked = { commandId, action, deadlineMs: null, version: null, by: "x", reason: "x" };
    return { type: "command_worker", workerId, ...asked };
  }

  private started(): Command | undefined {
    const lease = this.pick([...this.state.leases.values()].filter(({ startedAtMs }) => startedAtMs === null));
    if (!lease) return undefined;
    return {
      type: "attempt_started",
      workerId: lease.workerId,
      leaseSeq: lease.leaseSeq,
      startedAtMs: this.nowMs,
    };
  }

  private finished(): Command | undefined {
    const lease = this.pick([...this.state.leases.values()]);
    if (!lease) return undefined;
    const { leaseSeq, attempt, workerId, task } = lease;
    const fails = this.rng.below(3) === 0;
    const result = resultDocument.parse({
      task_id: task.taskId,
      worker_id: workerId,
      status: fails ? "failed" : "completed",
      execution_time_seconds: 1,
      ...(fails ? { failure: { class: this.pick([...failureClasses]), message: "m" } } : {}),
    });
    const item = {
      lease_seq: leaseSeq,
      run_id: task.run.runId,
      attempt,
      started_at_ms: lease.startedAtMs ?? this.nowMs,
      finished_at_ms: this.nowMs,
      result,
    };
    return { type: "attempt_finished", workerId, item, digest: String(this.rng.below(3)) };
  }

  private pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.rng.below(items.length)];
  }
}

/** What must hold after every turn, worked out from the tasks alone. */
function checkInvariants(state: State): void {
  const counts = emptyCounts();
  const leased = new Map<string, number>();
  for (const run of state.runs.values()) {
    let open = 0;
    for (const task of run.tasks.values()) {
      counts.total += 1;
      counts[countColumn(task)] += 1;
      if (!isTerminal(task.state)) open += 1;
      expect(task.leases.length > 0).toBe(task.state === "leased" || task.state === "running");
      if (!task.group) expect(task.heapIndex >= 0).toBe(task.state === "queued" && task.notBeforeMs === 0);
      else if (task.heapIndex >= 0) expect(isStartable(task.group)).toBe(true);
      expect(task.leases.length).toBeLessThanOrEqual(task.spec.hedge ? 2 : 1);
      expect(new Set(task.leases.map(({ workerId }) => workerId)).size).toBe(task.leases.length);
      for (const { workerId } of task.leases) leased.set(workerId, (leased.get(workerId) ?? 0) + 1);
      if (task.state === "leased" || task.state === "running" || task.state === "completed") {
        for (const one of task.spec.depends_on) {
          const end = run.tasks.get(asTaskId(dependencyTask(one)))?.state ?? "queued";
          expect(isTerminal(end) && isConditionMet(dependencyCondition(one), end)).toBe(true);
        }
      }
      const accepted = task.past.filter((past) => past.outcome === "succeeded");
      expect(accepted.length).toBeLessThanOrEqual(1);
    }
    expect(run.state === "running").toBe(open > 0);
  }
  expect(state.counts).toEqual(counts);
  for (const worker of state.workers.values()) {
    expect(worker.leases.size).toBe(leased.get(worker.workerId) ?? 0);
    if (worker.state === "ready") expect(worker.timer).toBeNull();
    checkWorker(worker);
  }
  checkIndexes(state);
  const { runs, skips, peers, trials } = state.due;
  expect(runs.size + skips.size + peers.size + trials.size).toBe(0);
}

/** Which profiles take which classes, worked out from what fits and what is avoided alone. */
function checkAvoidance(state: State): void {
  const records = [...state.patterns.values()];
  expect(state.marking).toEqual(new Set(records.filter(isMarking)));
  expect(new Set(state.trials.values())).toEqual(new Set(records.filter(({ trial }) => trial !== null)));
  for (const leaseSeq of state.trials.keys()) expect(state.leases.has(leaseSeq)).toBe(true);
  for (const run of state.runs.values())
    for (const task of run.tasks.values())
      if (!isTerminal(task.state)) expect(task.requirementClass.needs.marks).toEqual(marksOfWork(state, task.spec));
  for (const worker of state.workers.values())
    expect(worker.profile.marks).toEqual(marksOfWorker(state, worker.workerId, worker.capabilities));
  for (const one of state.classes.values()) {
    const admissions = [...state.profiles.values()].map((profile) => ({
      profile,
      admission: admissionOf(one, profile),
    }));
    const isElsewhere = admissions.some(
      ({ profile, admission }) => profile.online > 0 && admission !== null && admission.avoidedBy === null,
    );
    for (const { profile, admission } of admissions) {
      expect(one.avoided.has(profile)).toBe(admission !== null && admission.avoidedBy !== null);
      const takes = admission !== null && (admission.avoidedBy === null || !isElsewhere);
      expect(profile.classes.has(one)).toBe(takes);
      expect(one.ready.has(profile)).toBe(takes && profile.idle.size + profile.spare.size > 0);
    }
    expect(state.open.has(one.index)).toBe(one.ready.size > 0);
  }
}

/** What is not set aside, from its leases. */
function checkWorker({ leases, resources, capabilities, machine, standing }: WorkerRecord): void {
  const held = [...leases.values()];
  const sum = (of: (demand: Demand) => number): number =>
    held.reduce((total, { task }) => total + of(task.requirementClass.demand), 0);
  expect(resources.cpu).toBeCloseTo(capabilities.cpu.cores - sum(({ cpu }) => cpu), 6);
  expect(resources.memoryGb).toBeCloseTo(capabilities.memory_gb - sum(({ memoryGb }) => memoryGb), 6);
  for (const gpu of resources.gpus)
    expect(gpu.holders).toBe(held.filter(({ gpus }) => gpus.includes(gpu.index)).length);
  const onMachine = [...machine.workers].flatMap((one) => [...one.leases.values()]);
  expect(machine.leases).toBe(onMachine.length);
  const exclusive = onMachine.filter(({ task }) => task.requirementClass.demand.exclusive);
  if (exclusive.length > 0) expect(exclusive).toContain(machine.exclusive);
  else expect(machine.exclusive).toBeNull();
  if (machine.exclusive) expect(standing).toBe("busy");
}

/** Locks, claims, what is watched, and the counts of the tree. */
function checkIndexes(state: State): void {
  const leases = [...state.leases.values()];
  const locks = leases.flatMap(({ task }) => task.requirementClass.demand.locks);
  expect(new Set(locks).size).toBe(locks.length);
  expect([...state.locks.keys()].sort()).toEqual([...locks].sort());
  const preemptible = new Int32Array(101);
  for (const { task } of leases)
    if (isPreemptible(task)) preemptible[task.spec.priority] = (preemptible[task.spec.priority] ?? 0) + 1;
  expect(state.watch.preemptible).toEqual(preemptible);
  expect(state.watch.hedgeable).toEqual(new Set(leases.filter(({ task }) => task.spec.hedge)));
  const workers = [...state.workers.values()];
  expect(state.watch.overfull).toEqual(new Set(workers.filter((one) => one.leases.size > one.slots)));
  for (const [task, claim] of state.claims) {
    expect(task.state).toBe("queued");
    for (const worker of claim.held) expect(worker.claim).toBe(claim);
  }
  for (const { claim } of workers) if (claim) expect(state.claims.get(claim.task)).toBe(claim);
  const tasks = [...state.runs.values()].flatMap((run) => [...run.tasks.values()]);
  expect(state.tree.running).toBe(leases.length);
  expect(state.tree.waiting).toBe(tasks.filter(({ heapIndex }) => heapIndex >= 0).length);
  for (const run of state.runs.values()) {
    const own = [...run.tasks.values()];
    const ready = own.filter(({ heapIndex }) => heapIndex >= 0);
    expect(run.node.running).toBe(own.reduce((sum, task) => sum + task.leases.length, 0));
    expect(run.node.waiting).toBe(ready.length);
    expect(new Set(run.node.queues.keys())).toEqual(new Set(ready.map((task) => task.requirementClass)));
    expect(run.unseen).toBe(ready.filter((task) => !Number.isFinite(task.expectedWork)).length);
  }
  const slots = workers.reduce((sum, one) => sum + (one.state === "ready" ? one.slots : 0), 0);
  expect([...state.kinds.values()].reduce((sum, kind) => sum + kind.slots, 0)).toBe(slots);
}

/** What one seed need not reach, all of them together must, or the test says nothing about it. */
const rare = [
  "claim_opened",
  "claim_dropped",
  "fallback_opened",
  "attempt_revoked",
  "attempt_progressed",
  "share_set",
  "retry_due",
  "pattern_found",
  "template_added",
  "template_removed",
  "test_muted",
  "test_unmuted",
];

/** Features that no type of event names. */
function featuresOf({ event }: PlacedEvent): string[] {
  if (event.type === "attempt_revoked") return [event.type, ...(event.by ? ["preemption"] : ["migration"])];
  if (event.type === "attempt_finished") return [event.type, ...(event.after.state === "running" ? ["hedge"] : [])];
  if (event.type === "avoidance_set") return [`${event.type} ${event.action}`];
  if (event.type === "attempt_leased" && event.gpus) return [event.type, "gpus"];
  return [event.type];
}

test("whatever happens, replay gives the live state, snapshots continue it, and the books balance", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      const chaos = new Chaos(seed);
      let half: { copy: State; from: number } | undefined;
      for (let turn = 0; turn < 200; turn += 1) {
        chaos.turn();
        checkInvariants(chaos.state);
        if (turn % 8 === 0) checkAvoidance(chaos.state);
        if (turn === 100) half = { copy: copyBySnapshot(chaos.state), from: chaos.journal.length };
      }
      const replayed = emptyState();
      for (const [index, { seq, event, atMs }] of chaos.journal.entries()) {
        expect(seq).toBe(index + 1);
        evolve(replayed, event, atMs);
      }
      expect(textOf(replayed)).toBe(textOf(chaos.state));
      if (!half) throw new Error("no snapshot was made");
      for (const { event, atMs } of chaos.journal.slice(half.from)) evolve(half.copy, event, atMs);
      expect(textOf(half.copy)).toBe(textOf(chaos.state));
      checkInvariants(half.copy);
      checkAvoidance(half.copy);
      for (const feature of chaos.journal.flatMap(featuresOf)) seen.set(feature, (seen.get(feature) ?? 0) + 1);
    }),
    // The same runs each time: a rare feature would be missing now and then.
    { numRuns: 25, seed: 1 },
  );
  const avoidance = ["avoid", "try", "allow", "end"].map((action) => `avoidance_set ${action}`);
  for (const feature of [...rare, ...avoidance, "preemption", "migration", "gpus"])
    expect(seen.get(feature), feature).toBeGreaterThan(0);
});
