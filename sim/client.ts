import { AssayError, asRunId, asTaskId } from "../src/base/index.ts";
import type { WorkerId } from "../src/base/index.ts";
import type { Role } from "../src/contracts/index.ts";
import type { Command, Reply } from "../src/scheduler/index.ts";
import type { Request } from "./options.ts";
import type { Simulation } from "./simulation.ts";
import { newRun } from "./workload.ts";
import type { Submission } from "./workload.ts";

const RETRY_MS = 700;

/** People who submit runs and ask for other things, over a network that may lose the answers. */
export class Client {
  private readonly sim: Simulation;
  private readonly known: Submission[] = [];
  private runs = 0;
  private tokens = 0;
  private commands = 0;
  /** Submissions without an answer yet. */
  open = 0;

  constructor(sim: Simulation) {
    this.sim = sim;
  }

  start(): void {
    const { world, options } = this.sim;
    if (options.fair) this.weigh();
    const next = (): void => {
      if (this.sim.healing) return;
      if (this.sim.openRuns + this.open < options.runs) this.submit(this.nextRun());
      world.plan(options.runEveryMs * world.rng.next(), next);
    };
    next();
    if (options.requests.length === 0) return;
    const request = (): void => {
      if (this.sim.healing) return;
      const kind = world.pick(options.requests);
      if (kind) this.ask(kind);
      world.plan(options.requestEveryMs * 2 * world.rng.next(), request);
    };
    world.plan(options.requestEveryMs, request);
  }

  /** Takes back every limit. */
  unlimit(): void {
    for (const key of this.sim.replica.checker.ledger.shares.keys()) {
      const [kind = "", name = ""] = key.split(":");
      if (kind === "pool" || kind === "user")
        this.insist({ type: "set_share", kind, name, weight: 1, maxRunning: null, by: "admin" });
    }
  }

  private weigh(): void {
    for (let user = 0; user < this.sim.options.users; user += 1)
      this.insist({
        type: "set_share",
        kind: "user",
        name: `u${user}`,
        weight: 1 + user,
        maxRunning: null,
        by: "admin",
      });
  }

  private nextRun(): Submission {
    const { world, options } = this.sim;
    const run = newRun(world, options, (this.runs += 1));
    if (run.idempotencyKey !== null) this.known.push(run);
    if (this.known.length > 50) this.known.shift();
    return run;
  }

  private submit(run: Submission, tries = 0): void {
    const { world, coverage, auditor } = this.sim;
    this.open += 1;
    // Each try has an id of its own, as each REST request has.
    const command = { ...run, runId: asRunId(`${run.runId}.${tries}`) };
    const again = (): void => {
      this.open -= 1;
      if (run.idempotencyKey !== null) this.submit(run, tries + 1);
    };
    this.send(command, {
      answered: (reply) => {
        this.open -= 1;
        if (reply.type !== "run_accepted") return;
        if (reply.duplicate) coverage.reached("duplicate submission");
        auditor.submitted(run.idempotencyKey, reply.runId);
      },
      failed: (error) => {
        if (error.code === "conflict") coverage.reached("idempotency conflict");
        else if (error.code === "impossible_requirement") coverage.reached("submission refused");
        else return void world.plan(RETRY_MS, again);
        this.open -= 1;
      },
      lost: () => void world.plan(RETRY_MS, again),
    });
  }

  private ask(kind: Request): void {
    const { world } = this.sim;
    const { ledger } = this.sim.replica.checker;
    const run = world.pick([...ledger.runs.values()].filter((one) => !one.ended));
    switch (kind) {
      case "cancel_run":
        if (run) this.try({ type: "cancel_run", runId: asRunId(run.runId), by: "u", reason: "not wanted" });
        return;
      case "cancel_task": {
        const task = world.pick([...(run?.tasks.keys() ?? [])].map(asTaskId));
        if (run && task !== undefined)
          this.try({ type: "cancel_task", runId: asRunId(run.runId), taskId: task, by: "u", reason: "not wanted" });
        return;
      }
      case "drain": {
        const worker = world.pick(this.sim.workers);
        if (worker) this.drain(worker.workerId);
        if (worker) world.plan(10_000, () => worker.isDraining && worker.crash("kept"));
        return;
      }
      case "drain_all":
        this.sim.coverage.reached("all workers drained");
        for (const { workerId } of this.sim.workers) this.drain(workerId);
        return void world.plan(10_000, () => {
          for (const worker of this.sim.workers) if (worker.isDraining) worker.crash("kept");
        });
      case "share":
        return this.share();
      case "token":
        return this.token();
      case "again":
        return this.again();
    }
  }

  private drain(workerId: WorkerId): void {
    const commandId = `c${(this.commands += 1)}`;
    const rest = { deadlineMs: null, version: null, by: "admin", reason: "upkeep" };
    this.try({ type: "command_worker", workerId, commandId, action: "drain", ...rest });
  }

  private share(): void {
    const { world, options } = this.sim;
    const isPool = world.chance(0.3);
    const name = isPool ? (world.pick(options.pools) ?? "default") : `u${world.rng.below(options.users)}`;
    const maxRunning = options.features.quotas && world.chance(0.7) ? world.between(1, 5) : null;
    const weight = world.between(1, 4);
    this.try({ type: "set_share", kind: isPool ? "pool" : "user", name, weight, maxRunning, by: "admin" });
  }

  private token(): void {
    const { world } = this.sim;
    if (this.tokens > 0 && world.chance(0.5)) {
      this.try({ type: "revoke_token", tokenId: `t${world.between(1, this.tokens)}` });
      return;
    }
    const role: Role = "worker";
    const tokenId = `t${(this.tokens += 1)}`;
    this.try({ type: "create_token", tokenId, sha256: `hash of ${tokenId}`, role, name: tokenId, expiresAtMs: null });
  }

  /** The same key again, for the same run or another one. */
  private again(): void {
    const { world } = this.sim;
    const run = world.pick(this.known);
    if (!run) return;
    if (world.chance(0.5)) this.submit(run, 100 + world.rng.below(1_000_000));
    else this.submit({ ...run, digest: "another" }, 100 + world.rng.below(1_000_000));
  }

  private try(command: Command): void {
    const ignore = (): void => undefined;
    this.send(command, { answered: ignore, failed: ignore, lost: ignore });
  }

  private insist(command: Command): void {
    const again = (): void => void this.sim.world.plan(RETRY_MS, () => this.insist(command));
    this.send(command, { answered: () => undefined, failed: again, lost: again });
  }

  private send(
    command: Command,
    on: { answered: (reply: Reply) => void; failed: (error: AssayError) => void; lost: () => void },
  ): void {
    const { world, network } = this.sim;
    const { history } = this.sim.store;
    const loses = !this.sim.healing && world.chance(0.02);
    world.plan(world.rng.next() * network, () => {
      const coordinator = this.sim.leading();
      if (!coordinator) return on.lost();
      const { host } = coordinator;
      let answered = false;
      const settle = (action: () => void): void => {
        if (answered) return;
        answered = true;
        // What is answered by a store that was put back since is as good as lost.
        world.plan(world.rng.next() * network, () =>
          loses || history !== this.sim.store.history ? on.lost() : action(),
        );
      };
      // Whoever dies does not answer.
      world.plan(30_000, () => settle(on.lost));
      host.run(() => {
        coordinator.ask(command).then(
          (reply) => settle(() => on.answered(reply)),
          (error: unknown) => {
            if (!(error instanceof AssayError)) throw error;
            settle(() => on.failed(error));
          },
        );
      });
    });
  }
}
