import { isDeepStrictEqual } from "node:util";
import { AssayError, manualClock } from "../../src/base/index.ts";
import type { Clock, RunId } from "../../src/base/index.ts";
import { assayError, resultDocument, taskSpec, workerFrame } from "../../src/contracts/index.ts";
import type { FailurePattern, PlacedEvent, WorkerFrame } from "../../src/contracts/index.ts";
import { acceptWorker } from "../../src/coordinator/accept-worker.ts";
import { Leader } from "../../src/coordinator/leader.ts";
import { Leadership } from "../../src/coordinator/leadership.ts";
import { LiveLogs } from "../../src/coordinator/live-logs.ts";
import { placedEvents } from "../../src/coordinator/recent-events.ts";
import { WorkerLink } from "../../src/coordinator/worker-link.ts";
import { MemoryJournal } from "../../src/journal/memory/memory-journal.ts";
import { MemoryStore } from "../../src/journal/memory/memory-store.ts";
import { openResults } from "../../src/results/index.ts";
import type { Results } from "../../src/results/index.ts";
import { emptyState, evolve } from "../../src/scheduler/index.ts";
import type { State } from "../../src/scheduler/index.ts";
import { copyBySnapshot, textOf } from "../../src/scheduler/scheduler-acceptance.ts";
import type { Connection } from "../../src/transport/index.ts";
import { Checker } from "../../sim/checker.ts";
import { Coverage } from "../../sim/coverage.ts";
import { fullCheck } from "../../sim/full-check.ts";
import type { Findings } from "./findings.ts";

const START_MS = 1_700_000_000_000;
const WORKER_TIMEOUT_MS = 15_000;
const HEARTBEAT_MS = 5_000;

/** As if found in the results, where spoilt frames show none: one of a worker, one of the work alone. */
const PATTERNS: readonly FailurePattern[] = [
  { pattern_id: "p1", factors: { worker: "w1" } },
  { pattern_id: "p2", factors: { type: "model" } },
].map((pattern) => ({
  ...pattern,
  failure: "crash",
  same_attempts: {},
  attempts: 20,
  failures: 18,
  attempts_elsewhere: 100,
  failures_elsewhere: 1,
  p: 1e-9,
  q: 1e-8,
  odds_ratio: 100,
  odds_ratio_low: 10,
  odds_ratio_high: 1_000,
  examples: [],
}));

const around = (text: string, at: number): string => text.slice(Math.max(at - 100, 0), at + 100);

/**
 * The production sessions, worker link, leader and projection in one process, over a journal in memory and a clock that moves
 * when told. Everything that it takes is held against the schemas and the simulator's rules.
 */
export class FuzzCoordinator {
  private readonly time = manualClock(START_MS);
  /** Timers take at least a millisecond, as in Node. */
  readonly clock: Clock = { ...this.time, setTimer: (ms, action) => this.time.setTimer(Math.max(ms, 1), action) };
  readonly liveLogs = new LiveLogs((attempt) => this.leader.leaseOf(attempt));
  readonly results: Results;
  private readonly findings: Findings;
  private readonly store = new MemoryStore();
  private readonly checker = new Checker(new Coverage(), false);
  private leadership: Leadership | undefined;
  private link: WorkerLink | undefined;
  private deferred: (() => void)[] = [];
  private sessions = 0;
  /** Runs that check a worker's health: they make no rows. */
  private readonly healthChecks = new Set<RunId>();
  /** Leases of all other runs. */
  private leases = 0;

  private constructor(findings: Findings, results: Results) {
    this.findings = findings;
    this.results = results;
  }

  /** `path`: where the results are made. */
  static async start(findings: Findings, path: string): Promise<FuzzCoordinator> {
    const made = new FuzzCoordinator(findings, await openResults({ path }));
    made.leadership = await Leadership.take(
      {
        journal: new MemoryJournal(made.store),
        clock: made.clock,
        defer: (action) => made.deferred.push(action),
        holder: "fuzz",
        healthCheckMs: WORKER_TIMEOUT_MS,
        newNonce: () => "fuzz",
        onTerm: (leader) => (made.link = made.newLink(leader)),
        onCommitted: (events, batchSeq) => made.committed(events, batchSeq),
        onLost: (reason) => findings.crash("the leader lost its term", reason),
      },
      assayError("not_leader", "starting"),
    );
    made.leader.execute({ type: "report_patterns", seq: 0, patterns: PATTERNS });
    return made;
  }

  get leader(): Leader {
    const current = this.leadership?.current;
    if (current instanceof Leader) return current;
    throw current instanceof AssayError ? current : new Error("nobody leads");
  }

  get committedSeq(): number {
    return this.store.tail.lastEvent;
  }

  accept(connection: Connection): void {
    const link = this.link as WorkerLink;
    const checked: Parameters<typeof acceptWorker>[1]["link"] = {
      onHello: (session, hello) => {
        this.taken(hello);
        link.onHello(session, hello);
      },
      onFrame: (session, frame) => {
        this.taken(frame);
        link.onFrame(session, frame);
      },
      onClosed: (session, end) => link.onClosed(session, end),
    };
    acceptWorker(connection, { link: checked, clock: this.clock, workerTimeoutMs: WORKER_TIMEOUT_MS });
  }

  /** Lets `ms` pass and all that is under way come to its end. */
  async turn(ms: number): Promise<void> {
    try {
      this.time.advance(ms);
      do {
        const due = this.deferred;
        this.deferred = [];
        for (const action of due) action();
        await new Promise((resolve) => setImmediate(resolve));
      } while (this.deferred.length > 0);
    } catch (error) {
      this.findings.crash("a turn threw", error);
    }
    if ("polluted" in {} || Object.keys(Object.prototype).length > 0)
      this.findings.nonsense("the prototype of all objects was changed", Object.keys(Object.prototype));
  }

  /** Compares the whole state with the books of the simulator. */
  check(): void {
    try {
      fullCheck(this.leader.state, this.checker.ledger);
    } catch (error) {
      this.findings.nonsense("the state and the books differ", error);
    }
  }

  /** The journal as stored gives the leader's state, a snapshot too, and the rows agree with the events. */
  async end(): Promise<void> {
    await this.turn(1);
    this.check();
    const { state } = this.leader;
    const replayed = emptyState();
    for (const batch of this.store.read(1, this.store.tail.seq))
      for (const { event, atMs } of placedEvents(batch)) evolve(replayed, event, atMs);
    this.compare("replay gives another state", replayed);
    this.compare("a snapshot gives another state", copyBySnapshot(state));
    try {
      await this.results.flush();
      const { rows } = await this.results.sql(
        "select (select count(*) from task_execution_history), (select count(*) from results), (select count(distinct (run_id, task_id, attempt)) from results)",
        1,
      );
      const [attempts, results, distinct] = rows[0]?.map(Number) ?? [];
      if (attempts !== this.leases) this.findings.nonsense("attempts without a row", { attempts, leases: this.leases });
      if (results !== distinct) this.findings.nonsense("an attempt has two results", { results, distinct });
    } catch (error) {
      this.findings.crash("the results could not be written", error);
    }
    await this.leadership?.stop();
    await this.results.close();
  }

  private compare(what: string, other: State): void {
    const [ours, theirs] = [textOf(this.leader.state), textOf(other)];
    if (ours === theirs) return;
    let at = 0;
    while (ours[at] === theirs[at]) at += 1;
    this.findings.nonsense(what, { ours: around(ours, at), theirs: around(theirs, at) });
  }

  private taken(frame: WorkerFrame): void {
    this.findings.accepted += 1;
    const parsed = workerFrame.safeParse(frame);
    if (!parsed.success) this.findings.nonsense(`a ${frame.type} frame does not match its schema`, parsed.error.issues);
    else if (!isDeepStrictEqual(parsed.data, frame)) this.findings.nonsense("the schema makes another frame", frame);
  }

  private committed(events: readonly PlacedEvent[], batchSeq: number): void {
    const [first] = events;
    if (!first) return;
    try {
      this.checker.batch({ epoch: this.epochOf(batchSeq), timeMs: first.atMs }, first.event.type === "epoch_opened");
      for (const placed of events) this.event(placed);
      this.checker.batchEnd();
      this.results.apply(events, batchSeq);
    } catch (error) {
      this.findings.nonsense(`batch ${batchSeq} breaks a rule`, error);
    }
    this.link?.onCommitted(events);
  }

  private epochOf(batchSeq: number): number {
    return this.store.at(batchSeq)?.epoch ?? 0;
  }

  private event(placed: PlacedEvent): void {
    const { event } = placed;
    this.checker.event(placed);
    if (event.type === "attempt_leased" && !this.healthChecks.has(event.runId)) this.leases += 1;
    if (event.type === "run_submitted") {
      if (event.checks !== undefined) this.healthChecks.add(event.runId);
      for (const task of event.tasks)
        if (!isDeepStrictEqual(taskSpec.safeParse(task).data, task))
          this.findings.nonsense("a task was accepted", task);
    }
    if (event.type !== "attempt_finished" || !event.result) return;
    this.findings.results += 1;
    if (!resultDocument.safeParse(event.result).success) this.findings.nonsense("a result was accepted", event.result);
  }

  private newLink(leader: Leader): WorkerLink {
    return new WorkerLink({
      state: leader.state,
      execute: (command, answer) => {
        leader.execute(command, answer);
        return true;
      },
      newSessionId: () => `s${(this.sessions += 1)}`,
      clock: this.clock,
      liveLogs: this.liveLogs,
      heartbeatIntervalMs: HEARTBEAT_MS,
      workerTimeoutMs: WORKER_TIMEOUT_MS,
      reconnectGraceMs: HEARTBEAT_MS,
    });
  }
}
