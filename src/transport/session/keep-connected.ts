import { AssayError, fullJitterMs } from "../../base/index.ts";
import type { Clock, Rng } from "../../base/index.ts";
import { closeReasons, errorCatalogue, fault } from "../../contracts/index.ts";
import type { ErrorCode, Fault } from "../../contracts/index.ts";
import type { Connection } from "../connection.ts";
import type { SessionEnd } from "./session-end.ts";
import type { WorkerSession } from "./worker-session.ts";

/**
 * Back-off after a failure, and the shorter one while a coordinator that answers is about to be replaced. Nobody works while
 * all wait, and an attempt costs next to nothing: a fleet is back this long after its coordinator.
 */
const BASE_MS = 500;
const MAX_MS = 5_000;
const MAX_QUICK_MS = 2_000;
/** A session that lived so long after its welcome was a success. */
const STEADY_MS = 10_000;

/** Trying again would only fail in the same way: a person must act, or the worker itself must do something first. */
const fatal: ReadonlySet<ErrorCode> = new Set([
  "unauthenticated",
  "token_expired",
  "token_revoked",
  "forbidden",
  "protocol_version",
  "session_replaced",
  "journal_put_back",
]);
const quick: ReadonlySet<ErrorCode> = new Set(["not_leader", "shutting_down"]);

export interface KeepConnectedOptions {
  /** Makes a connection, or rejects with an AssayError. The signal ends the attempt. */
  dial: (signal: AbortSignal) => Promise<Connection>;
  /** Begins a session on a new connection; the owner's handlers are in it. */
  onSession: (connection: Connection) => WorkerSession;
  /** A session or an attempt failed, and the next attempt is in `delayMs`. */
  onRetry?: (retry: { cause: Fault; delayMs: number }) => void;
  clock: Clock;
  rng: Rng;
  /** Ends it all: the open session is closed as `normal`. */
  signal: AbortSignal;
}

/**
 * Keeps a worker connected: dials, waits for the end of the session, backs off with full jitter, dials again. Resolves to null
 * after the signal, or to the fault that makes another attempt pointless. Rejects only for what is not an AssayError. Waiting
 * uses the clock's timers, which do not keep a process alive.
 */
export async function keepConnected(options: KeepConnectedOptions): Promise<Fault | null> {
  const { clock, rng, signal } = options;
  let failures = 0;
  while (!signal.aborted) {
    const outcome = await connectOnce(options);
    if (signal.aborted) break;
    const { cause, steady } = outcome;
    if (fatal.has(cause.code)) return cause;
    failures = steady ? 0 : failures + 1;
    const maxMs = quick.has(cause.code) ? MAX_QUICK_MS : MAX_MS;
    const delayMs = fullJitterMs(rng, { baseMs: BASE_MS, maxMs, failures: Math.max(failures - 1, 0) });
    options.onRetry?.({ cause, delayMs });
    await pause(clock, delayMs, signal);
  }
  return null;
}

interface Outcome {
  cause: Fault;
  steady: boolean;
}

async function connectOnce({ dial, onSession, clock, signal }: KeepConnectedOptions): Promise<Outcome> {
  let session: WorkerSession;
  try {
    const connection = await dial(signal);
    session = onSession(connection);
  } catch (error) {
    return { cause: faultOf(error), steady: false };
  }
  const stop = (): void => session.close("normal", "The worker is stopping.");
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const end = await session.ended;
  signal.removeEventListener("abort", stop);
  const steady = session.welcomedAtMs !== null && clock.monotonicMs() - session.welcomedAtMs >= STEADY_MS;
  return { cause: causeOf(end), steady };
}

function faultOf(error: unknown): Fault {
  if (!(error instanceof AssayError) || !Object.hasOwn(errorCatalogue, error.code)) throw error;
  return fault(error.code as ErrorCode, error.message, { next: error.next });
}

function causeOf({ reason, message }: SessionEnd): Fault {
  if (reason === "connection_lost") return fault("coordinator_unreachable", message);
  return fault(closeReasons[reason].error ?? "shutting_down", message);
}

/** Resolves after `ms`, or at once when the signal fires. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(ms, resolve);
  const stop = (): void => {
    timer.cancel();
    resolve();
  };
  signal.addEventListener("abort", stop, { once: true });
  return promise.finally(() => signal.removeEventListener("abort", stop));
}
