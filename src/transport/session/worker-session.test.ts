import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { manualClock, ok } from "../../base/index.ts";
import type { ManualClock } from "../../base/index.ts";
import { ASSAY_VERSION, MAX_FRAME_BYTES, PROTOCOL_VERSION } from "../../contracts/index.ts";
import { coordinatorCodec } from "../codec/codec.ts";
import type { Connection } from "../connection.ts";
import { CLOSE_GRACE_MS, WELCOME_TIMEOUT_MS } from "../limits.ts";
import { heartbeat, hello, matrix, openSockets, RawPeer, TestWorker, TOKEN, until } from "../matrix-acceptance.ts";
import type { Network } from "../matrix-acceptance.ts";
import { WorkerSession } from "./worker-session.ts";

const TIMEOUT_MS = 9_000;
const welcome = {
  type: "welcome",
  protocol_version: PROTOCOL_VERSION,
  assay_version: ASSAY_VERSION,
  session_id: "s-1",
  epoch: 5,
  heartbeat_interval_ms: 3_000,
  worker_timeout_ms: TIMEOUT_MS,
  time_ms: 1,
};

describe.each(matrix)("$name", ({ open, subprotocol }) => {
  let clock: ManualClock;
  let network: Network;
  let coordinators: RawPeer[];

  beforeEach(async () => {
    clock = manualClock();
    coordinators = [];
    network = await open({
      clock,
      authenticate: () => Promise.resolve(ok("worker")),
      onConnection: (connection: Connection) =>
        void coordinators.push(new RawPeer(connection, coordinatorCodec(subprotocol))),
    });
  });

  afterEach(async () => {
    await network.close();
    await until(() => expect([clock.pendingTimers, openSockets()]).toEqual([0, []]));
  });

  const connect = async (more: { highestEpoch?: number } = {}): Promise<{ worker: TestWorker; peer: RawPeer }> => {
    const worker = new TestWorker(await network.dial(TOKEN, subprotocol), clock, more);
    await until(() => expect(coordinators.at(-1)?.received.map(({ type }) => type)).toEqual(["hello"]));
    return { worker, peer: coordinators.at(-1) as RawPeer };
  };

  const join = async (): Promise<{ worker: TestWorker; peer: RawPeer }> => {
    const both = await connect();
    both.peer.send(welcome);
    await until(() => expect(both.worker.welcomes).toBe(1));
    return both;
  };

  const expectClosed = async (
    { worker, peer }: { worker: TestWorker; peer: RawPeer },
    expected: { reason: string; code: number; message: RegExp },
  ): Promise<void> => {
    await until(() => expect(peer.closes.map(({ code }) => code)).toEqual([expected.code]));
    const message = expect.stringMatching(expected.message) as string;
    expect(worker.ends).toEqual([{ reason: expected.reason, message }]);
    expect(await worker.session.ended).toEqual(worker.ends[0]);
    worker.session.send(heartbeat);
  };

  test("says hello with its versions, is welcomed, and speaks", async () => {
    const { worker, peer } = await connect({ highestEpoch: 5 });
    expect(peer.received[0]).toMatchObject({
      protocol_version: PROTOCOL_VERSION,
      assay_version: ASSAY_VERSION,
      held: [],
    });
    expect(() => worker.session.send(heartbeat)).toThrow(/between its hello and the welcome/);
    clock.advance(40);
    peer.send(welcome);
    await until(() => expect(worker.welcomes).toBe(1));
    expect([worker.session.state, worker.session.welcomedAtMs]).toEqual(["open", 40]);
    worker.session.send({ type: "goodbye", reason: "bye" });
    await until(() => expect(peer.received.at(-1)).toEqual({ type: "goodbye", reason: "bye" }));
    worker.session.close("normal", "bye");
    await expectClosed({ worker, peer }, { reason: "normal", code: 1000, message: /^bye$/ });
  });

  test("refuses a leader of an epoch that is over", async () => {
    const { worker, peer } = await connect({ highestEpoch: 6 });
    peer.send(welcome);
    await expectClosed({ worker, peer }, { reason: "journal_put_back", code: 4009, message: /Epoch 5 .* 6/ });
    expect(worker.welcomes).toBe(0);
  });

  test("refuses a welcome of another protocol version", async () => {
    const { worker, peer } = await connect();
    peer.send({ ...welcome, protocol_version: 99, assay_version: "9.0.0", more: true });
    await expectClosed({ worker, peer }, { reason: "protocol_version", code: 4002, message: /99 \(Assay 9\.0\.0\)/ });
  });

  test("does not wait for a welcome for ever", async () => {
    const { worker, peer } = await connect();
    clock.advance(WELCOME_TIMEOUT_MS);
    await expectClosed({ worker, peer }, { reason: "heartbeat_timeout", code: 4007, message: /No welcome/ });
  });

  test("notices a coordinator that is silent", async () => {
    const { worker, peer } = await join();
    clock.advance(TIMEOUT_MS - 1);
    peer.send({ type: "heartbeat_ack", time_ms: 2 });
    await until(() => expect(worker.frames).toHaveLength(1));
    clock.advance(TIMEOUT_MS - 1);
    expect(worker.session.state).toBe("open");
    clock.advance(1);
    await expectClosed({ worker, peer }, { reason: "heartbeat_timeout", code: 4007, message: /9000 ms/ });
  });

  test.each([
    {
      what: "a first frame that is not welcome",
      first: { type: "drain", reason: "x" },
      message: /must be welcome, not drain/,
    },
    { what: "a frame that its schema refuses", first: { ...welcome, epoch: 0 }, message: /epoch must be more than 0/ },
  ])("refuses $what", async ({ first, message }) => {
    const { worker, peer } = await connect();
    peer.send(first);
    await expectClosed({ worker, peer }, { reason: "bad_frame", code: 4000, message });
  });

  test("refuses a second welcome", async () => {
    const { worker, peer } = await join();
    peer.send(welcome);
    await expectClosed({ worker, peer }, { reason: "bad_frame", code: 4000, message: /one welcome/ });
  });

  test("refuses a gap in the numbers", async () => {
    const { worker, peer } = await join();
    peer.send({ type: "drain", reason: "x" }, 3);
    await expectClosed({ worker, peer }, { reason: "out_of_order", code: 4005, message: /Frame 3 .* 2 / });
    expect(worker.frames).toEqual([]);
  });

  test("refuses a message that is too large", async () => {
    const { worker, peer } = await join();
    const size = MAX_FRAME_BYTES + 1;
    peer.connection.send(subprotocol === "assay.v1+json" ? " ".repeat(size) : new Uint8Array(size));
    await expectClosed({ worker, peer }, { reason: "frame_too_large", code: 1009, message: /./ });
  });

  test("learns why the coordinator closed", async () => {
    const { worker, peer } = await join();
    peer.connection.close(4006, "Worker bench-1 connected again.");
    await expectClosed({ worker, peer }, { reason: "session_replaced", code: 4006, message: /connected again/ });
  });

  test("cuts a coordinator that does not answer its close", async () => {
    const connection = await network.dialStallable(subprotocol);
    const worker = new TestWorker(connection, clock);
    await until(() => expect(coordinators[0]?.received).toHaveLength(1));
    connection.stall();
    worker.session.close("normal", "bye");
    clock.advance(CLOSE_GRACE_MS);
    await until(() => expect(coordinators[0]?.closes).toHaveLength(1));
  });

  test("a hello that is too large is refused here, and the connection is cut", async () => {
    const connection = await network.dial(TOKEN, subprotocol);
    const held = Array.from({ length: 20_000 }, (_, index) => ({
      lease_seq: index + 1,
      run_id: "r".repeat(60),
      task_id: "t".repeat(60),
      attempt: 1,
      state: "waiting" as const,
    }));
    const handlers = {
      onWelcome: () => expect.unreachable(),
      onFrame: () => expect.unreachable(),
      onDrain: () => expect.unreachable(),
      onClosed: () => expect.unreachable(),
    };
    const options = { connection, clock, hello: { ...hello, held }, highestEpoch: 0, handlers };
    expect(() => new WorkerSession(options)).toThrow(expect.objectContaining({ code: "frame_too_large" }));
    await until(() => expect(coordinators[0]?.closes).toHaveLength(1));
  });
});
