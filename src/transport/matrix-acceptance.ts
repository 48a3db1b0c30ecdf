import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pack } from "msgpackr";
import { expect, vi } from "vitest";
import { WebSocket } from "ws";
import { err, manualClock, ok } from "../base/index.ts";
import type { ManualClock, Result } from "../base/index.ts";
import { fault, PROTOCOL_VERSION, SUBPROTOCOLS } from "../contracts/index.ts";
import type { Fault, Subprotocol, WorkerFrameOf } from "../contracts/index.ts";
import type { Connection, Message } from "./connection.ts";
import { LoopbackListener } from "./loopback/loopback-listener.ts";
import type { LoopbackConnection } from "./loopback/loopback-pair.ts";
import { workerCodec } from "./codec/codec.ts";
import type { FrameCodec } from "./codec/codec.ts";
import { CoordinatorSession } from "./session/coordinator-session.ts";
import type { WorkerMessage } from "./session/coordinator-session.ts";
import type { SessionEnd } from "./session/session-end.ts";
import { WorkerSession } from "./session/worker-session.ts";
import type { CoordinatorMessage, HelloInput, WorkerMessageInput } from "./session/worker-session.ts";
import { WebSocketConnection } from "./ws/web-socket-connection.ts";
import { dialWebSocket } from "./ws/dial-web-socket.ts";
import { WebSocketListener } from "./ws/web-socket-listener.ts";

// What the tests of sessions share: every transport with every codec, a coordinator that records, workers that behave and
// peers that do not, and a check at the end that nothing is left over.

export const TOKEN = "a-good-token";
export const WORKER_TIMEOUT_MS = 15_000;
export const HEARTBEAT_INTERVAL_MS = 5_000;

export const hello: HelloInput = {
  worker_id: "worker-1",
  name: "bench-1",
  incarnation: "i-1",
  capabilities: {
    hostname: "bench-1",
    os: { platform: "linux", release: "6.1", arch: "x64" },
    cpu: { model: "test", cores: 2, threads: 2 },
    memory_gb: 4,
    disk_free_gb: 10,
    hardware: ["cpu"],
    task_types: ["command"],
  },
  slots: 2,
  credits: 4,
  held: [],
};

export const heartbeat = {
  type: "heartbeat",
  load: { cpu_percent: 1, memory_used_gb: 1, running: 0 },
  received_seq: 0,
  held: [],
} satisfies WorkerMessageInput;

/** A connection whose owner can stop reading. */
export interface StallableConnection extends Connection {
  stall(): void;
  resume(): void;
}

/** A listener and the ways to reach it. */
export interface Network {
  /** Dials as a worker does. */
  dial(token: string | null, subprotocol: Subprotocol): Promise<Connection>;
  /** Dials for a peer that can stop reading. */
  dialStallable(subprotocol: Subprotocol): Promise<StallableConnection>;
  /** Ends the listener; resolves when nothing of it is open. */
  close(): Promise<void>;
}

export type Authenticate = (token: string | null, remote: string) => Promise<Result<string, Fault>>;
type OpenNetwork = (options: {
  clock: ManualClock;
  authenticate: Authenticate;
  onConnection: (connection: Connection) => void;
}) => Promise<Network>;

export const openLoopback: OpenNetwork = async ({ authenticate, onConnection }) => {
  const listener = new LoopbackListener({ authenticate, onConnection });
  const ends: LoopbackConnection[] = [];
  const dial = async (token: string | null, subprotocol: Subprotocol): Promise<LoopbackConnection> => {
    const end = await listener.dial({ token, subprotocols: [subprotocol] });
    ends.push(end);
    return end;
  };
  return {
    dial,
    async dialStallable(subprotocol) {
      const end = await dial(TOKEN, subprotocol);
      return Object.assign(end, { stall: () => end.pause() });
    },
    close: () => Promise.resolve(listener.close()),
  };
};

export const openWebSocket: OpenNetwork = async ({ clock, authenticate, onConnection }) => {
  const server = createServer();
  const listener = new WebSocketListener({ server, clock, authenticate, onConnection });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = baseUrl(server);
  const stallable: WebSocket[] = [];
  return {
    dial: (token, subprotocol) =>
      dialWebSocket({ url, token, subprotocols: [subprotocol], handshakeTimeoutMs: 10_000 }),
    async dialStallable(subprotocol) {
      const socket = new WebSocket(`${url}/api/v1/worker`, [subprotocol], {
        headers: { authorization: `Bearer ${TOKEN}` },
        perMessageDeflate: false,
      });
      stallable.push(socket);
      const upgraded = once(socket, "upgrade") as Promise<[IncomingMessage]>;
      await once(socket, "open");
      const [{ socket: stream }] = await upgraded;
      const connection = new WebSocketConnection(socket, { subprotocol, remote: url, stream });
      return Object.assign(connection, { stall: () => socket.pause(), resume: () => socket.resume() });
    },
    async close() {
      for (const socket of stallable) socket.terminate();
      await listener.close();
      await closeServer(server);
    },
  };
};

export function baseUrl(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Stops an HTTP server and proves that no socket of it is open. */
export async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  await closed;
  const count = await new Promise((resolve) => server.getConnections((_error, open) => resolve(open)));
  expect(count).toBe(0);
}

/** Every transport with every codec. */
export const matrix = [openWebSocket, openLoopback].flatMap((open) =>
  SUBPROTOCOLS.map((subprotocol) => ({ name: `${open.name.slice(4)} ${subprotocol}`, open, subprotocol })),
);

/** A session of the coordinator with all that happened to it. */
export interface Seat {
  session: CoordinatorSession;
  connection: Connection;
  hellos: WorkerFrameOf<"hello">[];
  frames: WorkerMessage[];
  drains: number;
  ends: SessionEnd[];
}

/** A coordinator that welcomes everybody and writes everything down. */
export class TestCoordinator {
  readonly clock = manualClock(1_000_000);
  readonly seats: Seat[] = [];
  network!: Network;

  static async open(open: OpenNetwork): Promise<TestCoordinator> {
    const coordinator = new TestCoordinator();
    coordinator.network = await open({
      clock: coordinator.clock,
      authenticate: (token) =>
        Promise.resolve(token === TOKEN ? ok("worker") : err(fault("unauthenticated", "There is no such token."))),
      onConnection: (connection) => coordinator.accept(connection),
    });
    return coordinator;
  }

  /** The seat of the connection that came last, once it is there. */
  async seat(index: number): Promise<Seat> {
    await until(() => expect(this.seats.length).toBeGreaterThan(index));
    return this.seats[index] as Seat;
  }

  /** Ends everything; fails when a socket, a session or a timer is left. */
  async finishesCleanly(): Promise<void> {
    await this.network.close();
    await until(() => {
      expect(this.seats.map(({ session }) => session.state)).toEqual(this.seats.map(() => "closed"));
      expect(this.seats.map(({ ends }) => ends.length)).toEqual(this.seats.map(() => 1));
      expect(this.clock.pendingTimers).toBe(0);
      expect(openSockets()).toEqual([]);
    });
  }

  private accept(connection: Connection): void {
    const seat: Omit<Seat, "session"> = { connection, hellos: [], frames: [], drains: 0, ends: [] };
    const session = new CoordinatorSession({
      connection,
      clock: this.clock,
      workerTimeoutMs: WORKER_TIMEOUT_MS,
      handlers: {
        onHello: (own, frame) => {
          seat.hellos.push(frame);
          own.welcome({
            sessionId: `s-${this.seats.length}`,
            epoch: 7,
            heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
            workerTimeoutMs: WORKER_TIMEOUT_MS,
          });
        },
        onFrame: (_own, frame) => void seat.frames.push(frame),
        onDrain: () => (seat.drains += 1),
        onClosed: (_own, end) => void seat.ends.push(end),
      },
    });
    this.seats.push(Object.assign(seat, { session }));
  }
}

/** A worker that behaves, and everything that its session told it. */
export class TestWorker {
  readonly frames: CoordinatorMessage[] = [];
  readonly ends: SessionEnd[] = [];
  welcomes = 0;
  readonly session: WorkerSession;

  constructor(connection: Connection, clock: ManualClock, more: { highestEpoch?: number } = {}) {
    this.session = new WorkerSession({
      connection,
      clock,
      hello,
      highestEpoch: more.highestEpoch ?? 0,
      handlers: {
        onWelcome: () => (this.welcomes += 1),
        onFrame: (_own, frame) => void this.frames.push(frame),
        onDrain: () => undefined,
        onClosed: (_own, end) => void this.ends.push(end),
      },
    });
  }

  /** A heartbeat there and its answer back. */
  async exchange(): Promise<void> {
    const before = this.frames.length;
    this.session.send(heartbeat);
    await until(() => expect(this.frames.slice(before).map(({ type }) => type)).toEqual(["heartbeat_ack"]));
    expect(this.ends).toEqual([]);
  }
}

/** A peer that may send anything. */
export class RawPeer<Link extends Connection = Connection> {
  readonly connection: Link;
  readonly received: { type: string }[] = [];
  readonly closes: { code: number; text: string }[] = [];
  private n = 0;

  /** Reads as a worker unless it is given another codec. */
  constructor(connection: Link, codec: FrameCodec<{ type: string }, never> = workerCodec(connection.subprotocol)) {
    this.connection = connection;
    connection.attach({
      onMessage: (message) => {
        const frame = codec.decode(message, this.received.length + 1);
        if (!frame.ok) throw new Error(frame.error.message);
        this.received.push(frame.value);
      },
      onFlushed: () => undefined,
      onViolation: () => undefined,
      onClosed: (code, text) => void this.closes.push({ code, text }),
    });
  }

  /** Sends any value with the next `n`, or the given one. */
  send(frame: object, n = this.n + 1): void {
    this.n = n;
    this.connection.send(this.encode({ n, ...frame }));
  }

  encode(value: unknown): Message {
    return this.connection.subprotocol === "assay.v1+json" ? JSON.stringify(value) : pack(value);
  }

  greet(more: object = {}): void {
    this.send({ type: "hello", protocol_version: PROTOCOL_VERSION, assay_version: "0.1.0", ...hello, ...more });
  }

  /** Says hello and waits for the welcome. */
  async join(): Promise<void> {
    this.greet();
    await until(() => expect(this.received.map(({ type }) => type)).toEqual(["welcome"]));
  }
}

/** Waits for a condition that events bring about. */
export function until(condition: () => void): Promise<void> {
  return vi.waitFor(condition, { timeout: 20_000, interval: 2 });
}

/** TCP sockets and servers that this process has open. */
export function openSockets(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /TCP/.test(name));
}
