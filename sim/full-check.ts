import type { State } from "../src/scheduler/index.ts";
import type { Task, WorkerRecord } from "../src/scheduler/state.ts";
import { isOver, isReady } from "./books.ts";
import type { TaskBook } from "./books.ts";
import type { Ledger } from "./ledger.ts";
import { demand } from "./violation.ts";

/** Compares the whole state with the books and with itself: all that events alone do not show. O(state). */
export function fullCheck(state: State, ledger: Ledger): void {
  checkTasks(state, ledger);
  checkWorkers(state, ledger);
  checkTree(state, ledger);
  checkClaims(state, ledger);
  checkTokens(state, ledger);
  checkBounds(state);
}

/** S20: a token that was revoked never counts again; none is lost but those of tabs. */
function checkTokens(state: State, ledger: Ledger): void {
  demand(state.tokens.size === ledger.tokens.size, "S20", () => `${state.tokens.size} tokens`);
  for (const { tokenId, revoked } of state.tokens.values())
    demand(
      revoked === (ledger.tokens.get(tokenId)?.counts === false),
      "S20",
      () => `token ${tokenId} is ${revoked ? "" : "not "}revoked`,
    );
}

const COLUMNS = ["total", "waiting", "running", "completed", "failed", "error", "cancelled", "skipped"] as const;

function checkTasks(state: State, ledger: Ledger): void {
  const totals = new Map<string, number>();
  demand(state.runs.size === ledger.runs.size, "S18", () => "runs are missing");
  for (const run of state.runs.values()) {
    const book = ledger.runs.get(run.runId);
    demand(book, "S18", () => `run ${run.runId} is not known`);
    const counts = new Map<string, number>();
    for (const task of run.tasks.values()) {
      const other = book.tasks.get(task.taskId);
      demand(other, "S18", () => `task ${task.taskId} is not known`);
      checkTask(task, other);
      checkWait(state, task, other);
      const column = columnOf(task);
      counts.set(column, (counts.get(column) ?? 0) + 1);
      counts.set("total", (counts.get("total") ?? 0) + 1);
    }
    for (const column of COLUMNS) {
      const count = counts.get(column) ?? 0;
      demand(run.counts[column] === count, "S18", () => `${run.runId}: ${run.counts[column]} ${column}, not ${count}`);
      totals.set(column, (totals.get(column) ?? 0) + count);
    }
  }
  for (const column of COLUMNS)
    demand(state.counts[column] === (totals.get(column) ?? 0), "S18", () => `${state.counts[column]} ${column} in all`);
  demand(
    Object.values(state.due).every(({ size }) => size === 0),
    "S10",
    () => "something is still due",
  );
}

/** Written down a second time on purpose. */
function columnOf({ state, failureClass }: Task): string {
  if (state === "blocked" || state === "queued") return "waiting";
  if (state === "leased" || state === "running") return "running";
  if (state === "failed") return failureClass === "assertion" ? "failed" : "error";
  return state;
}

function checkTask(task: Task, book: TaskBook): void {
  const name = `${book.id} of ${book.run.runId}`;
  demand(task.state === book.state, "S11", () => `${name} is ${task.state}, not ${book.state}`);
  demand(task.cancelRequested === book.cancelRequested, "S12", () => `${name} is cancelled or not`);
  const seqs = task.leases.map(({ leaseSeq }) => leaseSeq).join();
  demand(seqs === book.leases.map(({ seq }) => seq).join(), "S3", () => `${name} holds leases ${seqs}`);
  demand(
    task.notBeforeMs === book.notBeforeMs || isOver(book.state) || book.leases.length > 0,
    "S13",
    () => `${name} waits`,
  );
  demand(task.past.length + task.leases.length === book.attempts, "S13", () => `${name} had ${book.attempts} attempts`);
  demand(task.payload === book.payload, "S20", () => `${name} has ${task.payload} from before, not ${book.payload}`);
  demand(task.alternatives === book.alternatives, "S9", () => `${name} may take ${task.alternatives} fallbacks`);
  if (task.state === "queued" && task.notBeforeMs > 0) demand(task.timer, "L3", () => `${name} has no timer`);
}

/** A task that waits for a worker stands in the queue of its class, a member of a group perhaps, a health check apart from all. */
function checkWait(state: State, task: Task, book: TaskBook): void {
  const name = `${book.id} of ${book.run.runId}`;
  const isQueued = task.heapIndex >= 0;
  const isAwaited = state.checks.has(task);
  const isCheck = book.run.checks !== null;
  demand(isAwaited === (isCheck && isReady(book)), "S4", () => `${name}, ${task.state}, is awaited: ${isAwaited}`);
  if (task.group === null)
    demand(isQueued === (!isCheck && isReady(book)), "S4", () => `${name}, ${task.state}, is in a queue: ${isQueued}`);
  else demand(!isQueued || isReady(book), "S4", () => `${name}, ${task.state}, is in a queue`);
  if (isQueued)
    demand(
      task.run.node.queues.get(task.requirementClass)?.tasks.values().includes(task),
      "S4",
      () => `${name} is lost`,
    );
}

function checkWorkers(state: State, ledger: Ledger): void {
  demand(state.workers.size === ledger.workers.size, "S3", () => "workers are missing");
  let held = 0;
  for (const worker of state.workers.values()) {
    const book = ledger.mustWorker(worker.workerId);
    const name = worker.workerId;
    demand(worker.leases.size === book.leases.size, "S3", () => `${name} holds ${worker.leases.size} leases`);
    held += worker.leases.size;
    const takes = book.ready && !book.draining;
    demand((worker.state === "ready") === takes, "S19", () => `${name} is ${worker.state}`);
    const waits = worker.state === "suspect" || worker.state === "lost" || worker.state === "flapping";
    demand(!waits || worker.timer, "L3", () => `${name} has no timer`);
    checkResources(worker);
    checkStanding(worker);
  }
  demand(
    state.leases.size === held && held === ledger.leases.size,
    "S3",
    () => `${held} leases, ${state.leases.size} known`,
  );
  for (const [lock, lease] of state.locks)
    demand(ledger.locks.get(lock)?.seq === lease.leaseSeq, "S9", () => `lock ${lock} is held by ${lease.leaseSeq}`);
  demand(state.locks.size === ledger.locks.size, "S9", () => `${state.locks.size} locks are held`);
}

/** What is free is what there is less what the leases hold. */
function checkResources(worker: WorkerRecord): void {
  const { capabilities, leases, resources } = worker;
  let cpu = capabilities.cpu.cores;
  let memory = capabilities.memory_gb;
  const holders = new Map<number, number>();
  for (const { task, gpus } of leases.values()) {
    cpu -= task.spec.resources.cpu ?? 0;
    memory -= task.spec.resources.memory_gb ?? 0;
    for (const index of gpus) holders.set(index, (holders.get(index) ?? 0) + 1);
  }
  const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;
  demand(close(cpu, resources.cpu), "S9", () => `${worker.workerId}: ${resources.cpu} cores free, not ${cpu}`);
  demand(close(memory, resources.memoryGb), "S9", () => `${worker.workerId}: ${resources.memoryGb} GB, not ${memory}`);
  for (const gpu of resources.gpus)
    demand(
      gpu.holders === (holders.get(gpu.index) ?? 0),
      "S9",
      () => `${worker.workerId}: GPU ${gpu.index} is counted wrong`,
    );
  let onMachine = 0;
  for (const other of worker.machine.workers) onMachine += other.leases.size;
  demand(
    worker.machine.leases === onMachine,
    "S9",
    () => `${worker.machine.hostname} counts ${worker.machine.leases} leases`,
  );
  const { exclusive } = worker.machine;
  if (exclusive)
    demand(exclusive.task.leases.includes(exclusive), "S9", () => `${worker.machine.hostname} stays exclusive`);
}

function checkStanding(worker: WorkerRecord): void {
  const { state, leases, credits, slots, claim, machine, profile, standing } = worker;
  const busy =
    state !== "ready" ||
    leases.size >= credits ||
    claim !== null ||
    machine.exclusive !== null ||
    worker.check?.state === "queued";
  const wanted = busy ? "busy" : leases.size < slots ? "idle" : "spare";
  demand(standing === wanted, "S9", () => `${worker.workerId} is ${standing}, not ${wanted}`);
  demand(profile.idle.has(worker) === (wanted === "idle"), "S9", () => `${worker.workerId} stands in the wrong line`);
  demand(profile.spare.has(worker) === (wanted === "spare"), "S9", () => `${worker.workerId} stands in the wrong line`);
}

function checkTree(state: State, ledger: Ledger): void {
  for (const [pool, node] of state.tree.all) {
    demand(node.running === (ledger.running.get(pool) ?? 0), "S15", () => `pool ${pool} counts ${node.running} leases`);
    for (const [user, child] of node.all) {
      const running = ledger.running.get(`${pool}/${user}`) ?? 0;
      demand(child.running === running, "S15", () => `user ${user} counts ${child.running} leases, not ${running}`);
      for (const leaf of child.all.values()) {
        const queued = [...leaf.queues.values()].reduce((sum, line) => sum + line.tasks.size, 0);
        demand(leaf.waiting === queued, "S4", () => `run ${leaf.name} counts ${leaf.waiting} waiting, not ${queued}`);
      }
    }
  }
}

function checkClaims(state: State, ledger: Ledger): void {
  demand(
    state.claims.size === ledger.claims.size,
    "S9",
    () => `${state.claims.size} claims, not ${ledger.claims.size}`,
  );
  for (const worker of state.workers.values()) {
    const { claim } = worker;
    if (claim) demand(state.claims.get(claim.task) === claim, "S9", () => `${worker.workerId} is kept for nobody`);
  }
}

/** What could grow without end has a limit. */
function checkBounds(state: State): void {
  let open = 0;
  for (const run of state.runs.values()) open += run.counts.waiting + run.counts.running;
  demand(state.classes.size <= open, "S21", () => `${state.classes.size} classes for ${open} tasks`);
  demand(state.profiles.size <= state.workers.size, "S21", () => `${state.profiles.size} profiles`);
  demand(state.machines.size <= state.workers.size, "S21", () => `${state.machines.size} machines`);
  demand(
    state.timers.size <= open + state.leases.size + state.workers.size,
    "S21",
    () => `${state.timers.size} timers`,
  );
  demand(state.submissions.size <= 10_000, "S21", () => "too many idempotency keys");
  const classes = [...state.classes.values()];
  demand(new Set(classes.map(({ index }) => index)).size === classes.length, "S21", () => "two classes share an index");
  for (const worker of state.workers.values())
    demand(worker.warm.length <= 64, "S21", () => "a cache is believed endless");
}
