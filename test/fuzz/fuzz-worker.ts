import type { Rng } from "../../src/base/index.ts";
import { SUBPROTOCOLS } from "../../src/contracts/index.ts";
import type { CoordinatorFrameOf, Subprotocol } from "../../src/contracts/index.ts";
import { workerCodec } from "../../src/transport/codec/codec.ts";
import type { Connection, ConnectionHandlers, Message } from "../../src/transport/index.ts";
import type { Corpus } from "./corpus.ts";
import type { Findings } from "./findings.ts";
import { encode, spoil } from "./messages.ts";
import { cloned, mutate, pick } from "./mutations.ts";

type Assigned = CoordinatorFrameOf<"assign">["items"][number];

/** Part of all frames that is not as it should be. */
const MUTATED = 0.25;
const SPOILT = 0.05;
const MISNUMBERED = 0.01;
const CUT = 0.002;
const ABOUT_LEASES = ["started", "finished", "finished", "released", "progress"] as const;
const STRANGE_NUMBERS = [0, -1, 0.5, Number.NaN, 2 ** 53, "1", null, undefined];

/** The far end of a connection: what the coordinator sends is checked as a worker would check it. */
class FuzzConnection implements Connection {
  readonly subprotocol: Subprotocol;
  readonly remote = "fuzz";
  readonly bufferedBytes = 0;
  handlers: ConnectionHandlers | undefined;
  closed = false;
  private readonly onMessage: (message: Message) => void;

  constructor(subprotocol: Subprotocol, onMessage: (message: Message) => void) {
    this.subprotocol = subprotocol;
    this.onMessage = onMessage;
  }

  attach(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
  }

  send(message: Message): void {
    if (!this.closed) this.onMessage(message);
  }

  close(): void {
    this.closed = true;
  }

  terminate(): void {
    this.closed = true;
  }
}

export interface FuzzWorkerParts {
  id: string;
  rng: Rng;
  findings: Findings;
  corpus: Corpus;
  accept: (connection: Connection) => void;
}

/** A worker that mostly knows the rules and often breaks them, one frame at a time. */
export class FuzzWorker {
  private readonly parts: FuzzWorkerParts;
  private connection: FuzzConnection;
  private sent = 0;
  private received = 0;
  private greeted = false;
  private held: Assigned[] = [];

  constructor(parts: FuzzWorkerParts) {
    this.parts = parts;
    this.connection = this.connect();
  }

  /** Sends one message. */
  act(): void {
    const { rng, findings } = this.parts;
    if (this.connection.closed || rng.next() < CUT) this.reconnect();
    const { connection } = this;
    const frame = this.frame();
    this.sent += 1;
    let n: unknown = this.sent;
    if (rng.next() < MISNUMBERED) n = pick(rng, STRANGE_NUMBERS);
    if (this.greeted ? rng.next() < MUTATED : rng.next() < MUTATED / 3) mutate(rng, frame);
    let message = encode(connection.subprotocol, { n, ...frame });
    if (rng.next() < SPOILT) message = spoil(rng, message);
    findings.frames += 1;
    try {
      connection.handlers?.onMessage(message);
    } catch (error) {
      findings.crash(`a session threw for ${describe(message)}`, error);
      connection.closed = true;
    }
  }

  /** The connection ends, as when the process is killed. */
  cut(): void {
    this.connection.closed = true;
    this.connection.handlers?.onClosed(1006, "");
  }

  private connect(): FuzzConnection {
    const subprotocol = pick(this.parts.rng, SUBPROTOCOLS);
    const codec = workerCodec(subprotocol);
    const connection = new FuzzConnection(subprotocol, (message) => {
      this.received += 1;
      const frame = codec.decode(message, this.received);
      if (!frame.ok) return this.parts.findings.crash("the coordinator sent what no worker takes", frame.error);
      if (frame.value.type === "welcome") this.greeted = true;
      if (frame.value.type === "assign") this.held = [...this.held, ...frame.value.items].slice(-50);
    });
    this.parts.accept(connection);
    return connection;
  }

  private reconnect(): void {
    this.cut();
    this.sent = 0;
    this.received = 0;
    this.greeted = false;
    this.connection = this.connect();
  }

  private frame(): Record<string, unknown> {
    const { rng, corpus, id } = this.parts;
    if (!this.greeted && rng.next() < 0.97) {
      // A process that was started anew is not asked to drain any more.
      const incarnation = String(rng.below(5));
      const own = { worker_id: id, name: id, slots: 4, credits: 8, incarnation, capabilities: cloned(CAPABLE) };
      return { ...corpus.draw(rng, "hello"), ...own, held: [] };
    }
    const lease = this.held.length > 0 && rng.next() < 0.8 ? pick(rng, this.held) : undefined;
    if (!lease) return corpus.draw(rng);
    return this.about(lease, corpus.draw(rng, rng.next() < 0.5 ? pick(rng, ABOUT_LEASES) : undefined));
  }

  /** The sample, as if it were about this lease. */
  private about(lease: Assigned, sample: Record<string, unknown>): Record<string, unknown> {
    const { lease_seq, run_id, attempt, spec } = lease;
    if (typeof sample["lease_seq"] === "number") sample["lease_seq"] = lease_seq;
    if (sample["type"] === "hello" || sample["type"] === "goodbye" || !Array.isArray(sample["items"])) return sample;
    const [first] = sample["items"] as Record<string, unknown>[];
    if (!first) return sample;
    first["lease_seq"] = lease_seq;
    if ("run_id" in first) Object.assign(first, { run_id, attempt });
    const result = first["result"];
    if (typeof result === "object")
      Object.assign(result as object, { task_id: spec.task_id, worker_id: this.parts.id });
    return { ...sample, items: [first] };
  }
}

const CAPABLE = {
  hostname: "fuzz",
  os: { platform: "linux", release: "0", arch: "x64" },
  cpu: { model: "none", cores: 8, threads: 8 },
  memory_gb: 16,
  disk_free_gb: 100,
  hardware: ["cpu"],
  task_types: ["command", "model"],
};

function describe(message: Message): string {
  return typeof message === "string" ? message.slice(0, 500) : Buffer.from(message.subarray(0, 250)).toString("hex");
}
