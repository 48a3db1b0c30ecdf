import { pack } from "msgpackr";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HELLO_TIMEOUT_MS, MAX_FRAME_BYTES, PROTOCOL_VERSION } from "../../contracts/index.ts";
import type { Message } from "../connection.ts";
import { CLOSE_GRACE_MS, FRAME_BURST, PAUSE_BYTES, RESUME_BYTES, STUCK_BYTES, STUCK_MS } from "../limits.ts";
import {
  heartbeat,
  matrix,
  RawPeer,
  TestCoordinator,
  TestWorker,
  TOKEN,
  until,
  WORKER_TIMEOUT_MS,
} from "../matrix-acceptance.ts";
import type { Seat, StallableConnection } from "../matrix-acceptance.ts";

describe.each(matrix)("$name", ({ open, subprotocol }) => {
  let coordinator: TestCoordinator;
  let healthy: TestWorker;

  beforeEach(async () => {
    coordinator = await TestCoordinator.open(open);
    healthy = new TestWorker(await coordinator.network.dial(TOKEN, subprotocol), coordinator.clock);
    await until(() => expect(healthy.welcomes).toBe(1));
  });

  // Whatever another session did, this one goes on; and then nothing is left over.
  afterEach(async () => {
    await healthy.exchange();
    healthy.session.close("normal", "done");
    await coordinator.finishesCleanly();
  });

  const stranger = async (): Promise<{ peer: RawPeer; seat: Seat }> => {
    const peer = new RawPeer(await coordinator.network.dial(TOKEN, subprotocol));
    return { peer, seat: await coordinator.seat(1) };
  };

  const expectClosed = async (
    { peer, seat }: { peer: RawPeer; seat: Seat },
    expected: { reason: string; code: number; message: RegExp },
  ): Promise<void> => {
    await until(() => expect(peer.closes.map(({ code }) => code)).toEqual([expected.code]));
    expect(seat.ends).toEqual([
      { reason: expected.reason, message: expect.stringMatching(expected.message) as string },
    ]);
    expect(seat.session.writable).toBe(false);
  };

  test("hello, welcome, frames both ways, goodbye", async () => {
    const { peer, seat } = await stranger();
    await peer.join();
    expect(seat.session.state).toBe("open");
    expect(seat.hellos.map(({ name }) => name)).toEqual(["bench-1"]);
    expect(peer.received[0]).toMatchObject({ epoch: 7, session_id: "s-2", worker_timeout_ms: WORKER_TIMEOUT_MS });
    peer.send({ type: "started", items: [{ lease_seq: 5, started_at_ms: 1 }] });
    seat.session.send({ type: "ack", items: [{ lease_seq: 4, verdict: "accepted" }] });
    seat.session.send({ type: "drain", reason: "maintenance" });
    await until(() => {
      expect(seat.frames).toEqual([{ type: "started", items: [{ lease_seq: 5, started_at_ms: 1 }] }]);
      expect(peer.received.map(({ type }) => type)).toEqual(["welcome", "ack", "drain"]);
    });
    peer.connection.close(1000, "goodbye");
    await expectClosed({ peer, seat }, { reason: "normal", code: 1000, message: /^goodbye$/ });
    seat.session.send({ type: "drain", reason: "too late, and no error" });
  });

  test("a hello of another protocol version is told both versions, whatever else it holds", async () => {
    const { peer, seat } = await stranger();
    peer.greet({ protocol_version: 99, assay_version: "9.9.9", a_field_of_the_future: true });
    await expectClosed(
      { peer, seat },
      { reason: "protocol_version", code: 4002, message: new RegExp(`99 \\(Assay 9.9.9\\).* ${PROTOCOL_VERSION} `) },
    );
    expect(peer.closes[0]?.text).toContain(`the other ${PROTOCOL_VERSION}`);
    expect(seat.hellos).toEqual([]);
  });

  test("no hello in time", async () => {
    const { peer, seat } = await stranger();
    coordinator.clock.advance(HELLO_TIMEOUT_MS - 1);
    expect(seat.session.state).toBe("awaiting_hello");
    coordinator.clock.advance(1);
    await expectClosed({ peer, seat }, { reason: "hello_timeout", code: 4004, message: /hello/ });
  });

  test.each([
    {
      what: "bytes that are no message",
      message: (json: boolean): Message => (json ? "{" : new Uint8Array([0x93, 1])),
    },
    { what: "the wrong kind of message", message: (json: boolean): Message => (json ? new Uint8Array([1]) : "{}") },
    { what: "something that is no object", message: (json: boolean): Message => (json ? "[1]" : pack([1])) },
  ])("malformed: $what", async ({ message }) => {
    const { peer, seat } = await stranger();
    await peer.join();
    peer.connection.send(message(subprotocol === "assay.v1+json"));
    await expectClosed({ peer, seat }, { reason: "bad_frame", code: 4000, message: /./ });
    expect(seat.frames).toEqual([]);
  });

  test.each([
    { frame: { type: "gossip" }, names: /type must be one of/ },
    { frame: { ...heartbeat, mood: "good" }, names: /mood is not a field/ },
    { frame: { ...heartbeat, load: { ...heartbeat.load, gpu: 1 } }, names: /load\.gpu is not a field/ },
    { frame: { type: "started", items: [{ lease_seq: "5", started_at_ms: 1 }] }, names: /items\[0\]\.lease_seq/ },
    { frame: { type: "started", items: [] }, names: /items must have at least 1 item/ },
    { frame: { ...heartbeat, n: "2" }, names: /n must be a whole number/ },
  ])("a frame that its schema refuses: $names", async ({ frame, names }) => {
    const { peer, seat } = await stranger();
    await peer.join();
    peer.send(frame);
    await expectClosed({ peer, seat }, { reason: "bad_frame", code: 4000, message: names });
    expect(peer.closes[0]?.text).toMatch(names);
  });

  test("a message of 1 MiB and 1 byte", async () => {
    const { peer, seat } = await stranger();
    await peer.join();
    const size = MAX_FRAME_BYTES + 1;
    peer.connection.send(subprotocol === "assay.v1+json" ? " ".repeat(size) : new Uint8Array(size));
    await expectClosed({ peer, seat }, { reason: "frame_too_large", code: 1009, message: /./ });
  });

  test.each([1, 3])("frame number %i where 2 is due", async (n) => {
    const { peer, seat } = await stranger();
    await peer.join();
    peer.send(heartbeat, n);
    await expectClosed({ peer, seat }, { reason: "out_of_order", code: 4005, message: new RegExp(`Frame ${n} .* 2 `) });
  });

  test("a second hello", async () => {
    const { peer, seat } = await stranger();
    await peer.join();
    peer.greet();
    await expectClosed({ peer, seat }, { reason: "bad_frame", code: 4000, message: /one hello/ });
    expect(seat.hellos).toHaveLength(1);
  });

  test("a first frame that is not hello", async () => {
    const { peer, seat } = await stranger();
    peer.send(heartbeat);
    await expectClosed({ peer, seat }, { reason: "bad_frame", code: 4000, message: /must be hello, not heartbeat/ });
  });

  test("more frames than the limit", async () => {
    const { peer, seat } = await stranger();
    await peer.join();
    for (let sent = 1; sent < FRAME_BURST; sent += 1) peer.send({ type: "progress", lease_seq: 1 });
    await until(() => expect(seat.frames).toHaveLength(FRAME_BURST - 1));
    coordinator.clock.advance(1);
    peer.send({ type: "progress", lease_seq: 1 });
    await until(() => expect(seat.frames).toHaveLength(FRAME_BURST));
    peer.send({ type: "progress", lease_seq: 1 });
    await expectClosed({ peer, seat }, { reason: "rate_limited", code: 4008, message: /Too many frames/ });
  });

  test("a worker that is silent", async () => {
    const { peer, seat } = await stranger();
    await peer.join();
    coordinator.clock.advance(WORKER_TIMEOUT_MS - 1);
    peer.send(heartbeat);
    await healthy.exchange();
    await until(() => expect(peer.received.at(-1)?.type).toBe("heartbeat_ack"));
    coordinator.clock.advance(WORKER_TIMEOUT_MS - 1);
    await healthy.exchange();
    expect(seat.session.state).toBe("open");
    coordinator.clock.advance(1);
    await expectClosed({ peer, seat }, { reason: "heartbeat_timeout", code: 4007, message: /15000 ms/ });
  });

  test("a connection that is cut", async () => {
    const { peer, seat } = await stranger();
    await peer.join();
    peer.connection.terminate();
    await until(() => expect(seat.ends).toEqual([{ reason: "connection_lost", message: "The connection was lost." }]));
    await until(() => expect(peer.closes).toHaveLength(1));
  });

  test("a wrong token", async () => {
    for (const token of ["a-bad-token", null]) {
      await expect(coordinator.network.dial(token, subprotocol)).rejects.toMatchObject({
        code: "unauthenticated",
        message: "There is no such token.",
      });
    }
    expect(coordinator.seats).toHaveLength(1);
  });

  describe("a reader that stops", () => {
    const reason = "x".repeat(MAX_FRAME_BYTES - 1_000);

    const stalled = async (): Promise<{ peer: RawPeer<StallableConnection>; seat: Seat }> => {
      const peer = new RawPeer(await coordinator.network.dialStallable(subprotocol));
      const seat = await coordinator.seat(1);
      await peer.join();
      peer.connection.stall();
      return { peer, seat };
    };
    const fill = ({ connection, session }: Seat, bytes: number): void => {
      while (connection.bufferedBytes <= bytes) session.send({ type: "drain", reason });
    };
    /** What the operating system still takes is not stuck, so fills until it takes no more. */
    const fillForGood = async (seat: Seat): Promise<void> => {
      for (let before = -1; before !== seat.connection.bufferedBytes;) {
        fill(seat, STUCK_BYTES + PAUSE_BYTES);
        before = seat.connection.bufferedBytes;
        await healthy.exchange();
      }
    };

    test("is given nothing more until it has caught up", async () => {
      const { peer, seat } = await stalled();
      expect(seat.session.writable).toBe(true);
      fill(seat, PAUSE_BYTES);
      expect(seat.session.writable).toBe(false);
      peer.connection.resume();
      await until(() => expect(seat.drains).toBe(1));
      expect(seat.connection.bufferedBytes).toBeLessThan(RESUME_BYTES);
      expect(seat.session.writable).toBe(true);
    });

    test("for long is closed, and cut, because it does not read the goodbye either", async () => {
      const { peer, seat } = await stalled();
      await fillForGood(seat);
      coordinator.clock.advance(STUCK_MS - 1);
      await healthy.exchange();
      expect(seat.session.state).toBe("open");
      coordinator.clock.advance(1);
      expect(seat.ends).toMatchObject([{ reason: "slow_reader" }]);
      coordinator.clock.advance(CLOSE_GRACE_MS);
      peer.connection.terminate();
      await until(() => expect(peer.closes).toHaveLength(1));
    });

    test("and goes on in time stays", async () => {
      const { peer, seat } = await stalled();
      await fillForGood(seat);
      coordinator.clock.advance(STUCK_MS - 1);
      await healthy.exchange();
      peer.connection.resume();
      await until(() => expect(seat.drains).toBe(1));
      coordinator.clock.advance(STUCK_MS / 4);
      expect(seat.session.state).toBe("open");
    });
  });

  test("a frame that is too large never leaves, and the session goes on", async () => {
    const { peer, seat } = await stranger();
    await peer.join();
    const reason = "x".repeat(MAX_FRAME_BYTES);
    expect(() => seat.session.send({ type: "drain", reason })).toThrow(
      expect.objectContaining({ name: "AssayError", code: "frame_too_large" }),
    );
    seat.session.send({ type: "drain", reason: "short" });
    await until(() => expect(peer.received.at(-1)).toEqual({ type: "drain", reason: "short" }));
    peer.connection.close(1000, "");
    await until(() => expect(seat.ends).toHaveLength(1));
  });

  test("a list that is too long for one frame arrives in several, in order", async () => {
    const seat = await coordinator.seat(0);
    const items = Array.from({ length: 1_300 }, (_, index) => ({ lease_seq: index + 1, verdict: "accepted" as const }));
    seat.session.send({ type: "ack", items });
    await until(() => expect(healthy.frames).toHaveLength(3));
    expect(healthy.frames.flatMap((frame) => (frame.type === "ack" ? frame.items : []))).toEqual(items);
    healthy.frames.length = 0;
  });
});
