import { AssayError, ok } from "../src/base/index.ts";
import { closeReasons } from "../src/contracts/index.ts";
import type { AssignItem } from "../src/contracts/index.ts";
import { coordinatorCodec, workerCodec } from "../src/transport/codec/codec.ts";
import type { Connection, ConnectionHandlers, Message, WorkerMessageInput } from "../src/transport/index.ts";
import type { Coverage } from "./coverage.ts";
import { demand } from "./violation.ts";
import type { Host, World } from "./world.ts";

/** A frame as it travels: not encoded, but numbered, so that sessions notice gaps and repetitions as they do in production. */
export interface Parcel {
  n: number;
  frame: { type: string; [field: string]: unknown };
}

const parcelOf = (message: Message): Parcel => message as unknown as Parcel;

type Codec = NonNullable<Connection["codec"]>;

/** Frames as objects. Out of their order they are refused, as the real codec does; what comes as bytes is for the real one. */
const passing = (real: Codec): Codec => ({
  encode: (frame, n) => ok({ n, frame } as unknown as Message),
  decode(message, n) {
    if (message instanceof Uint8Array || typeof message === "string") return real.decode(message, n);
    const parcel = parcelOf(message);
    if (parcel.n === n) return ok(filled(parcel.frame) as never);
    const text = `Frame ${parcel.n} came where ${n} was due.`;
    return { ok: false, error: { code: "out_of_order", message: text, next: "" } };
  },
});

const SUBPROTOCOL = "assay.v1+msgpack";
export type Side = "worker" | "coordinator";
/** What the session of each side reads and writes with in production. */
const REAL = {
  worker: workerCodec(SUBPROTOCOL) as unknown as Codec,
  coordinator: coordinatorCodec(SUBPROTOCOL) as unknown as Codec,
} satisfies Record<Side, Codec>;
const PASSING = { worker: passing(REAL.worker), coordinator: passing(REAL.coordinator) } satisfies Record<Side, Codec>;
const FLIPS = 20;

/** Assignments leave out what the schema fills in again. */
function filled(frame: Parcel["frame"]): Parcel["frame"] {
  if (frame.type !== "assign") return frame;
  const items = frame["items"] as AssignItem[];
  return { ...frame, items: items.map((item) => ({ ...item, spec: { ...DEFAULTS, ...item.spec } })) };
}

const DEFAULTS = {
  priority: 50,
  requirements: {},
  timeout_seconds: 1_800,
  retry_policy: { max_retries: 2, retry_delay_seconds: 1 },
  depends_on: [],
  labels: {},
  resources: {},
  fallback: [],
};

/** What the network does to one direction of one link. */
export interface Direction {
  minMs: number;
  maxMs: number;
  /** Nothing gets through; it waits, as in TCP, until the connection ends. */
  blocked: boolean;
  /** How often a frame arrives twice. */
  twice: number;
  onTwice?: () => void;
  /** What happens to the next frame on its way. */
  damage?: "cut" | "flipped" | undefined;
}

export interface Link {
  /** The last reports of the worker on what became of leases, whatever session they were of. */
  sent: WorkerMessageInput[];
  up: Direction;
  down: Direction;
}

/** Sees every frame that is sent or arrives, and may change what is sent. */
export interface Tap {
  sent(parcel: Parcel): void;
  arrived(parcel: Parcel): void;
}

type Arrival = { parcel: Parcel } | { damaged: Uint8Array } | { code: number; text: string };

const REPORTS: ReadonlySet<string> = new Set(["started", "finished", "released", "progress"]);
const KEPT = 40;

/** One end of a simulated connection. Order is kept; what is under way when the connection breaks is lost. */
export class SimConnection implements Connection {
  readonly subprotocol = SUBPROTOCOL;
  readonly codec: Codec;
  readonly bufferedBytes = 0;
  readonly remote: string;
  tap: Tap | undefined;
  /** Keeps some of what this end sends. */
  keeps: WorkerMessageInput[] | undefined;
  private readonly world: World;
  private readonly coverage: Coverage;
  readonly host: Host;
  private readonly side: Side;
  private readonly way: Direction;
  private other!: SimConnection;
  private handlers: ConnectionHandlers | undefined;
  private readonly inbox: Arrival[] = [];
  private phase: "open" | "closing" | "closed" = "open";
  private lastAtMs = 0;
  private waiting: Arrival[] = [];

  /** `way`: the direction in which this end sends. */
  constructor(options: { world: World; coverage: Coverage; host: Host; way: Direction; side: Side }) {
    this.world = options.world;
    this.coverage = options.coverage;
    this.host = options.host;
    this.way = options.way;
    this.side = options.side;
    this.remote = options.side === "worker" ? "coordinator" : "worker";
    this.codec = PASSING[options.side];
  }

  static join(one: SimConnection, other: SimConnection): void {
    one.other = other;
    other.other = one;
  }

  get isOpen(): boolean {
    return this.phase === "open";
  }

  attach(handlers: ConnectionHandlers): void {
    this.handlers = handlers;
    if (this.inbox.length > 0) this.host.after(0, () => this.deliver());
  }

  send(message: Message): void {
    if (this.phase !== "open") return;
    const parcel = parcelOf(message);
    this.tap?.sent(parcel);
    const damaged = this.damaged(parcel);
    if (damaged) return this.transmit({ damaged });
    this.transmit({ parcel });
    if (REPORTS.has(parcel.frame.type)) this.keep(parcel);
    if (!this.world.chance(this.way.twice)) return;
    this.way.onTwice?.();
    this.transmit({ parcel });
  }

  /**
   * The frame as it would travel, cut short or with a bit turned over. Of those only what shows: a number that became another
   * one is for the checksums of TCP and TLS to notice, not for the reader of frames.
   */
  private damaged({ frame, n }: Parcel): Uint8Array | undefined {
    const { world, way, side } = this;
    const { damage } = way;
    if (!damage) return undefined;
    way.damage = undefined;
    const written = REAL[side].encode(frame, n);
    if (!written.ok || typeof written.value === "string") return undefined;
    const bytes = written.value.slice();
    for (let flip = 0; damage === "flipped" && flip < FLIPS; flip += 1) {
      const flipped = bytes.slice();
      const at = world.rng.below(bytes.length);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << world.rng.below(8));
      if (!REAL[this.other.side].decode(flipped, n).ok) return flipped;
    }
    return bytes.subarray(0, world.rng.below(bytes.length));
  }

  private keep({ frame }: Parcel): void {
    this.keeps?.push(frame as unknown as WorkerMessageInput);
    if ((this.keeps?.length ?? 0) > KEPT) this.keeps?.shift();
  }

  close(code: number, text: string): void {
    if (this.phase !== "open") return;
    if (code === closeReasons.journal_put_back.code) this.coverage.reached("worker forgot a lost history");
    this.phase = "closing";
    this.transmit({ code, text });
  }

  /** Both ends learn of it, the other only if anything gets through. */
  terminate(): void {
    if (this.phase === "closed") return;
    this.cut();
    if (!this.way.blocked) this.world.plan(this.way.minMs, () => this.other.cut());
  }

  /** The link broke: what is under way to this end is lost. */
  cut(): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.inbox.length = 0;
    this.host.after(0, () => this.handlers?.onClosed(1006, ""));
  }

  /** Sends on what was held back. */
  unblock(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const arrival of waiting) this.transmit(arrival);
  }

  private transmit(arrival: Arrival): void {
    if (this.way.blocked) {
      this.waiting.push(arrival);
      return;
    }
    const { minMs, maxMs } = this.way;
    const atMs = Math.max(this.lastAtMs, this.world.nowMs + minMs + this.world.rng.next() * (maxMs - minMs));
    this.lastAtMs = atMs;
    this.world.plan(atMs - this.world.nowMs, () => this.other.receive(arrival));
  }

  private receive(arrival: Arrival): void {
    if (this.phase === "closed") return;
    this.inbox.push(arrival);
    if (this.handlers) this.host.run(() => this.deliver());
  }

  private deliver(): void {
    for (let arrival = this.inbox.shift(); arrival && this.handlers; arrival = this.inbox.shift()) {
      if ("parcel" in arrival) {
        this.tap?.arrived(arrival.parcel);
        this.handlers.onMessage(arrival.parcel as unknown as Message);
      } else if ("damaged" in arrival) this.refuse(arrival.damaged, this.handlers);
      else this.finish(arrival);
    }
  }

  /** L5: a session ends with a frame that cannot be read, and the worker connects again. */
  private refuse(damaged: Uint8Array, handlers: ConnectionHandlers): void {
    if (this.phase !== "open") return;
    handlers.onMessage(damaged);
    demand(!this.isOpen, "L5", () => `the ${this.side} goes on after a damaged frame: ${String(damaged)}`);
    this.coverage.reached(`damaged frame refused by ${this.side}`);
  }

  /** The other end said goodbye: so does this one. */
  private finish({ code, text }: { code: number; text: string }): void {
    if (this.phase === "open") this.transmit({ code, text });
    this.phase = "closed";
    this.handlers?.onClosed(code, text);
  }
}

/** Links between workers and coordinators, and the connections on them. */
export class Network {
  readonly connections = new Set<{ link: Link; worker: SimConnection; coordinator: SimConnection }>();
  private readonly world: World;
  private readonly coverage: Coverage;

  constructor(world: World, coverage: Coverage) {
    this.world = world;
    this.coverage = coverage;
  }

  /** Both ends of a new connection; rejects when the coordinator cannot be reached. */
  dial(options: {
    link: Link;
    from: Host;
    to: Host | undefined;
    accept: (end: SimConnection) => void;
    taps: { worker: Tap; coordinator: Tap };
  }): Promise<SimConnection> {
    const { link, from, to, accept, taps } = options;
    const { promise, resolve, reject } = Promise.withResolvers<SimConnection>();
    const fail = (delayMs: number): void => {
      const error = new AssayError("coordinator_unreachable", { message: "No answer.", next: "" });
      from.after(delayMs, () => reject(error));
    };
    const open = (): void => {
      if (!to?.alive) return fail(1);
      if (link.up.blocked || link.down.blocked || to.isStopped) return fail(2_000);
      const { world, coverage } = this;
      const worker = new SimConnection({ world, coverage, host: from, way: link.up, side: "worker" });
      const coordinator = new SimConnection({ world, coverage, host: to, way: link.down, side: "coordinator" });
      SimConnection.join(worker, coordinator);
      worker.tap = taps.worker;
      worker.keeps = link.sent;
      coordinator.tap = taps.coordinator;
      this.connections.add({ link, worker, coordinator });
      to.run(() => accept(coordinator));
      from.after(link.down.minMs, () => resolve(worker));
    };
    this.world.plan(link.up.minMs, open);
    return promise;
  }

  /** Blocks or opens both directions, or one. */
  partition(link: Link, blocked: { up: boolean; down: boolean }): void {
    link.up.blocked = blocked.up;
    link.down.blocked = blocked.down;
    if (blocked.up !== blocked.down) this.coverage.reached("one-way partition");
    if (blocked.up && blocked.down) this.coverage.reached("partition");
    for (const one of this.connections) {
      if (one.link !== link) continue;
      if (!blocked.up) one.worker.unblock();
      if (!blocked.down) one.coordinator.unblock();
    }
  }

  /** Breaks the connections of a link; `ends` says who notices at once, the other is left half-open. */
  drop(link: Link, ends: "both" | "worker" | "coordinator"): void {
    for (const one of this.connections) {
      if (one.link !== link) continue;
      if (ends !== "coordinator") one.worker.cut();
      if (ends !== "worker") one.coordinator.cut();
      if (ends !== "both") this.coverage.reached("half-open connection");
    }
    this.forget();
  }

  /** A host died: its peers learn of it as far as the network lets them. */
  died(side: "worker" | "coordinator", host: Host): void {
    for (const one of this.connections) {
      if (one[side].host !== host) continue;
      const [dead, peer] = side === "worker" ? [one.worker, one.coordinator] : [one.coordinator, one.worker];
      dead.cut();
      this.world.plan(1, () => peer.cut());
    }
    this.forget();
  }

  forget(): void {
    for (const one of this.connections) if (!one.worker.isOpen && !one.coordinator.isOpen) this.connections.delete(one);
  }
}
