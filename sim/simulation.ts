import { AssayError } from "../src/base/index.ts";
import { Auditor } from "./auditor.ts";
import { Client } from "./client.ts";
import { SimCoordinator } from "./coordinator.ts";
import { Coverage } from "./coverage.ts";
import { Faults } from "./faults.ts";
import { isPrompt } from "./hearsay.ts";
import { Network } from "./network.ts";
import type { Link, SimConnection } from "./network.ts";
import type { Options } from "./options.ts";
import { Replica } from "./replica.ts";
import { SimWorker } from "./sim-worker.ts";
import { SimStore } from "./store.ts";
import { World } from "./world.ts";

/** How often the follower tells the leader how far the results are. */
const PROJECT_MS = 5_000;

/** A cluster in one process: a store, coordinators, workers, clients, and what connects and disturbs them. */
export class Simulation {
  readonly options: Options;
  readonly world: World;
  readonly coverage = new Coverage();
  readonly auditor: Auditor;
  readonly store: SimStore;
  readonly replica: Replica;
  readonly net: Network;
  readonly coordinators: SimCoordinator[] = [];
  readonly workers: SimWorker[];
  /** What went wrong first. */
  failure: unknown;
  healing = false;
  private readonly client: Client;
  private readonly faults: Faults;
  private started = 0;

  constructor(options: Options) {
    this.options = options;
    this.world = new World(options.seed);
    const { world, coverage } = this;
    this.auditor = new Auditor({
      coverage,
      prompt: isPrompt(options),
      fail: (error) => (this.failure ??= error),
    });
    this.store = new SimStore(world, options, coverage);
    this.net = new Network(world, coverage);
    this.replica = new Replica({
      store: this.store,
      options,
      coverage,
      auditor: this.auditor,
      healing: () => this.healing,
      leaders: () => this.coordinators.flatMap(({ leader }) => (leader ? [leader.state] : [])),
    });
    this.startCoordinator();
    const parts = {
      world,
      options,
      coverage,
      auditor: this.auditor,
      dial: (worker: SimWorker) => this.dial(worker),
      died: (host: SimWorker["host"]) => this.net.died("worker", host),
    };
    this.workers = options.workers.map((shape) => new SimWorker(parts, shape, this.newLink()));
    this.client = new Client(this);
    this.faults = new Faults(this);
    this.client.start();
    this.faults.start();
    this.project();
  }

  get network(): number {
    return this.options.network.maxMs;
  }

  get events(): number {
    return this.world.steps + 2 * this.replica.events + this.store.replayed;
  }

  get openRuns(): number {
    return this.replica.checker.ledger.openRuns;
  }

  /** Everything asked for is done and delivered. */
  get isDone(): boolean {
    return this.client.open === 0 && this.openRuns === 0 && this.workers.every((worker) => worker.isDone);
  }

  /** The coordinator that most recently began a term. */
  newest(): SimCoordinator | undefined {
    return this.coordinators.findLast(({ host }) => host.alive);
  }

  leading(): SimCoordinator | undefined {
    const leading = this.coordinators.filter(({ leader }) => leader !== undefined);
    if (leading.length > 1) this.coverage.reached("two leaders at once");
    return this.world.pick(leading);
  }

  startCoordinator(): void {
    const { world, options, store } = this;
    const name = `c${(this.started += 1)}`;
    this.coordinators.push(new SimCoordinator({ world, options, store, name }));
  }

  killCoordinator(coordinator: SimCoordinator): void {
    coordinator.host.kill();
    this.net.died("coordinator", coordinator.host);
    this.coordinators.splice(this.coordinators.indexOf(coordinator), 1);
  }

  /** From now on nothing goes wrong and nobody asks for more. */
  heal(): void {
    this.healing = true;
    this.faults.heal();
    this.client.unlimit();
    // Once more, after all that was under way.
    this.world.plan(5_000, () => this.client.unlimit());
  }

  private dial(worker: SimWorker): Promise<SimConnection> {
    const ready = this.coordinators.filter(({ acceptsWorkers }) => acceptsWorkers);
    const to = this.world.pick(ready);
    if (!to) return Promise.reject(new AssayError("coordinator_unreachable", { message: "nobody there", next: "" }));
    return this.net.dial({
      link: worker.link,
      from: worker.host,
      to: to.host,
      accept: (end) => to.accept(end),
      taps: this.auditor.taps(worker.workerId),
    });
  }

  private newLink(): Link {
    const { minMs, maxMs, twice } = this.options.network;
    const onTwice = (): void => this.coverage.reached("frame arrived twice");
    const way = { minMs, maxMs, twice, onTwice, blocked: false };
    return { up: { ...way }, down: { ...way }, sent: [] };
  }

  private project(): void {
    this.world.plan(PROJECT_MS, () => {
      this.leading()?.projected(this.replica.state.seq);
      this.project();
    });
  }
}
