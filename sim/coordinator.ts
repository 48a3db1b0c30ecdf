import { AssayError, asRunId } from "../src/base/index.ts";
import { assayError } from "../src/contracts/index.ts";
import { acceptWorker } from "../src/coordinator/accept-worker.ts";
import { Leader } from "../src/coordinator/leader.ts";
import { Leadership } from "../src/coordinator/leadership.ts";
import { LiveLogs } from "../src/coordinator/live-logs.ts";
import { WorkerLink } from "../src/coordinator/worker-link.ts";
import type { Command, Reply } from "../src/scheduler/index.ts";
import type { SimConnection } from "./network.ts";
import type { Options } from "./options.ts";
import { SimJournal } from "./store.ts";
import type { SimStore } from "./store.ts";
import { newHost } from "./host.ts";
import type { Host, World } from "./world.ts";

/** A coordinator process: the production leader and worker link, wired as in `src/coordinator/terms.ts`. */
export class SimCoordinator {
  readonly host: Host;
  private readonly options: Options;
  private readonly store: SimStore;
  private readonly name: string;
  private leadership: Leadership | undefined;
  private link: WorkerLink | undefined;
  private present: Leader | undefined;
  private sessions = 0;
  private nonces = 0;

  constructor(parts: { world: World; options: Options; store: SimStore; name: string }) {
    this.options = parts.options;
    this.store = parts.store;
    this.name = parts.name;
    this.host = newHost(parts.world, { options: parts.options, coverage: parts.store.coverage });
    this.take();
  }

  /** The leader of the present term, as far as this process knows. */
  get leader(): Leader | undefined {
    const current = this.leadership ? this.leadership.current : this.present;
    return this.host.alive && current instanceof Leader && current.alive ? current : undefined;
  }

  get acceptsWorkers(): boolean {
    return this.host.alive && this.link !== undefined;
  }

  accept(connection: SimConnection): void {
    const { link } = this;
    if (!link) return connection.terminate();
    acceptWorker(connection, { link, clock: this.host.clock, workerTimeoutMs: this.options.workerTimeoutMs });
  }

  /** Asks as a client does; rejects with an AssayError. */
  ask(command: Command): Promise<Reply> {
    const { leader } = this;
    return leader ? leader.ask(command) : Promise.reject(assayError("not_leader", "This coordinator does not lead."));
  }

  /** What the follower tells the leader. */
  projected(seq: number): void {
    this.host.run(() => this.leader?.execute({ type: "projected", seq }));
  }

  private take(): void {
    const { clock, defer } = this.host;
    const taken = Leadership.take(
      {
        journal: new SimJournal(this.store, this.host),
        clock,
        defer,
        healthCheckMs: 0,
        holder: this.name,
        newNonce: () => `${this.name}.${(this.nonces += 1)}`,
        onTerm: (leader) => {
          this.present = leader;
          this.link = this.newLink(leader);
        },
        onCommitted: (events) => this.link?.onCommitted(events),
        onLost: (reason) => this.lost(reason),
      },
      assayError("not_leader", "This coordinator is starting."),
    );
    taken.then(
      (leadership) => (this.leadership = leadership),
      (error: unknown) => {
        // The process ends with this error, and is started again.
        if (!(error instanceof AssayError)) throw error;
        this.host.after(1_000, () => this.take());
      },
    );
  }

  private lost({ code, message }: AssayError): void {
    if (code === "journal_unavailable") this.store.coverage.reached("unknown to the end");
    this.link?.closeAll("not_leader", message);
  }

  private newLink(leader: Leader): WorkerLink {
    const { options, host } = this;
    return new WorkerLink({
      state: leader.state,
      execute: (command, answer) => {
        if (!leader.alive) return false;
        leader.execute(command, answer);
        return true;
      },
      newSessionId: () => `${this.name}.s${(this.sessions += 1)}`,
      clock: host.clock,
      liveLogs: new LiveLogs(({ runId, taskId, attempt }) =>
        leader.leaseOf({ runId: asRunId(runId), taskId, attempt }),
      ),
      heartbeatIntervalMs: options.heartbeatMs,
      workerTimeoutMs: options.workerTimeoutMs,
      reconnectGraceMs: options.workerTimeoutMs,
    });
  }
}
