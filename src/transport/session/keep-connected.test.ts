import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { err, seededRng } from "../../base/index.ts";
import type { Rng } from "../../base/index.ts";
import { assayError, fault } from "../../contracts/index.ts";
import type { CloseReason, ErrorCode, Fault } from "../../contracts/index.ts";
import { openLoopback, TestCoordinator, TestWorker, TOKEN, until } from "../matrix-acceptance.ts";
import { keepConnected } from "./keep-connected.ts";

/** The largest delay that full jitter can choose, so that a delay shows its bound. */
const longest: Rng = { next: () => 1 - Number.EPSILON, below: (bound) => bound - 1 };

let coordinator: TestCoordinator;
let dialFails: ErrorCode | null;
let retries: { cause: Fault; delayMs: number }[];
let workers: TestWorker[];
let stop: AbortController;

beforeEach(async () => {
  coordinator = await TestCoordinator.open(openLoopback);
  dialFails = null;
  retries = [];
  workers = [];
  stop = new AbortController();
});

afterEach(() => coordinator.finishesCleanly());

function start(rng: Rng = longest): Promise<Fault | null> {
  return keepConnected({
    dial: async () => {
      if (dialFails !== null) throw assayError(dialFails, `dial: ${dialFails}`);
      return await coordinator.network.dial(TOKEN, "assay.v1+msgpack");
    },
    onSession: (connection) => {
      const worker = new TestWorker(connection, coordinator.clock);
      workers.push(worker);
      return worker.session;
    },
    onRetry: (retry) => void retries.push(retry),
    clock: coordinator.clock,
    rng,
    signal: stop.signal,
  });
}

const retried = (count: number): Promise<void> => until(() => expect(retries).toHaveLength(count));
const welcomed = (index: number): Promise<void> => until(() => expect(workers[index]?.welcomes).toBe(1));

/** Goes on until `count` attempts have failed. */
async function fail(count: number): Promise<void> {
  await retried(1);
  while (retries.length < count) {
    const failed = retries.length;
    coordinator.clock.advance(retries.at(-1)?.delayMs ?? 0);
    await retried(failed + 1);
  }
}

describe("back-off", () => {
  test("doubles its bound up to 5 s, and stops on the signal", async () => {
    dialFails = "coordinator_unreachable";
    const done = start();
    await fail(10);
    expect(retries.map(({ delayMs }) => delayMs + 1)).toEqual([
      500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000, 5_000, 5_000,
    ]);
    expect(retries[0]?.cause).toEqual(fault("coordinator_unreachable", "dial: coordinator_unreachable"));
    stop.abort();
    expect(await done).toBeNull();
  });

  test("is spread over the whole interval", async () => {
    dialFails = "coordinator_unreachable";
    const done = start(seededRng(7));
    await fail(41);
    const late = retries.slice(7).map(({ delayMs }) => delayMs);
    expect(Math.min(...late)).toBeLessThan(800);
    expect(Math.max(...late)).toBeGreaterThan(4_200);
    stop.abort();
    expect(await done).toBeNull();
  });

  test.each(["not_leader", "shutting_down"] as const)("stays below 2 s for %s", async (code) => {
    dialFails = code;
    const done = start();
    await fail(6);
    expect(retries.map(({ delayMs }) => delayMs + 1)).toEqual([500, 1_000, 2_000, 2_000, 2_000, 2_000]);
    stop.abort();
    expect(await done).toBeNull();
  });

  test("begins anew after a session that lived for 10 s, and not after a shorter one", async () => {
    dialFails = "coordinator_unreachable";
    const done = start();
    await fail(3);
    dialFails = null;
    coordinator.clock.advance(2_000);
    await welcomed(0);
    coordinator.clock.advance(9_999);
    coordinator.seats[0]?.connection.terminate();
    await retried(4);
    expect(retries[3]).toMatchObject({ delayMs: 3_999, cause: { code: "coordinator_unreachable" } });
    coordinator.clock.advance(3_999);
    await welcomed(1);
    coordinator.clock.advance(10_000);
    coordinator.seats[1]?.connection.terminate();
    await retried(5);
    expect(retries[4]?.delayMs).toBe(499);
    stop.abort();
    expect(await done).toBeNull();
  });
});

describe("the end", () => {
  test.each(["unauthenticated", "token_expired", "token_revoked", "forbidden", "protocol_version"] as const)(
    "comes when dialling says %s",
    async (code) => {
      dialFails = code;
      expect(await start()).toMatchObject({ code, message: `dial: ${code}` });
      expect(retries).toEqual([]);
    },
  );

  test.each(["session_replaced", "unauthenticated", "protocol_version"] satisfies CloseReason[])(
    "comes when the coordinator closes with %s",
    async (reason) => {
      const done = start();
      await welcomed(0);
      coordinator.seats[0]?.session.close(reason, "because");
      expect(await done).toMatchObject({ code: reason, message: "because" });
      expect(retries).toEqual([]);
    },
  );

  test.each([
    "not_leader",
    "shutting_down",
    "heartbeat_timeout",
    "out_of_order",
    "slow_reader",
  ] satisfies CloseReason[])("does not come when the coordinator closes with %s", async (reason) => {
    const done = start();
    await welcomed(0);
    coordinator.seats[0]?.session.close(reason, "because");
    await retried(1);
    expect(retries[0]?.cause).toMatchObject({ code: reason, message: "because" });
    coordinator.clock.advance(500);
    await welcomed(1);
    stop.abort();
    expect(await done).toBeNull();
  });

  test("by the signal closes the session as normal", async () => {
    const done = start();
    await welcomed(0);
    stop.abort();
    expect(await done).toBeNull();
    await until(() => expect(coordinator.seats[0]?.ends).toMatchObject([{ reason: "normal" }]));
  });

  test("by a signal that fired before means no session", async () => {
    stop.abort();
    expect(await start()).toBeNull();
    expect(workers).toEqual([]);
  });

  test("an error that is no AssayError is a bug, and is not retried", async () => {
    const broken = keepConnected({
      dial: () => Promise.reject(new TypeError("broken")),
      onSession: () => expect.unreachable(),
      clock: coordinator.clock,
      rng: longest,
      signal: stop.signal,
    });
    await expect(broken).rejects.toThrow("broken");
  });

  test("a coordinator that authenticates nobody ends it too", async () => {
    const network = await openLoopback({
      clock: coordinator.clock,
      authenticate: () => Promise.resolve(err(fault("token_revoked", "Revoked."))),
      onConnection: () => expect.unreachable(),
    });
    const ended = keepConnected({
      dial: () => network.dial("x", "assay.v1+json"),
      onSession: () => expect.unreachable(),
      clock: coordinator.clock,
      rng: longest,
      signal: stop.signal,
    });
    expect(await ended).toMatchObject({ code: "token_revoked" });
  });
});
