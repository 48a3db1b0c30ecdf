import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { systemClock } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { Journal } from "../journal/index.ts";
import { digest } from "./digest.ts";
import { FollowerClient } from "./follower-client.ts";
import { stateHash } from "./follower.ts";
import { Leader } from "./leader.ts";
import { Leadership } from "./leadership.ts";
import { LiveTail } from "./live-tail.ts";
import { LiveLogs } from "./live-logs.ts";
import type { CoordinatorOptions } from "./start-coordinator.ts";
import { WorkerLink } from "./worker-link.ts";

/** What one term of leadership hands to the next, and what outlives them. */
export interface Terms {
  readonly leadership: Leadership;
  readonly follower: FollowerClient;
  readonly liveLogs: LiveLogs;
  readonly workerTimeoutMs: number;
  /** Sequence of the last committed event. */
  readonly committedSeq: number;
  /** The worker link of the present term: it knows the sessions that began in it. */
  readonly link: WorkerLink;
}

/**
 * Replays the journal and takes the lead; only then the follower starts, so that the two do not compete for the machine: see
 * `FollowerClient.ready`.
 */
export async function startTerms(
  options: CoordinatorOptions,
  journal: Journal,
  cleanup: (() => Promise<unknown>)[],
): Promise<Terms> {
  const present: { leadership?: Leadership; link?: WorkerLink; follower?: FollowerClient; committedSeq: number } = {
    committedSeq: 0,
  };
  const leader = (): Leader | undefined =>
    present.leadership?.current instanceof Leader ? present.leadership.current : undefined;
  const liveLogs = new LiveLogs((attempt) => leader()?.leaseOf(attempt));
  const tail = new LiveTail();
  const leadership = await Leadership.take(
    {
      journal,
      clock: systemClock,
      healthCheckMs: options.healthCheckMs,
      holder: `${hostname()}:${process.pid}`,
      newNonce: randomUUID,
      onTerm: (begun) => {
        present.link = newLink(begun, { options, liveLogs });
      },
      onCommitted: (events, batchSeq) => {
        present.committedSeq = events.at(-1)?.seq ?? present.committedSeq;
        present.follower?.hint(batchSeq);
        present.link?.onCommitted(events);
        tail.committed(events);
      },
      onLost: (reason) => {
        options.logger.error(
          { err: reason, code: reason.code },
          "the journal could not be written; starting again from what it holds",
        );
        present.link?.closeAll("not_leader", reason.message);
      },
    },
    assayError("not_leader", "This coordinator is starting."),
  );
  present.leadership = leadership;
  const follower = startFollower(options, { tail, leader, committedSeq: () => present.committedSeq });
  present.follower = follower;
  cleanup.push(
    () => follower.stop(),
    () => leadership.stop(),
  );
  return {
    leadership,
    follower,
    liveLogs,
    workerTimeoutMs: options.workerTimeoutMs,
    get committedSeq() {
      return present.committedSeq;
    },
    get link() {
      if (!present.link) throw assayError("internal", "A term of leadership began without a worker link.");
      return present.link;
    },
  };
}

function startFollower(
  { dataDir, logger }: CoordinatorOptions,
  present: { tail: LiveTail; leader: () => Leader | undefined; committedSeq: () => number },
): FollowerClient {
  return new FollowerClient({
    dataDir,
    clock: systemClock,
    tail: present.tail,
    committedSeq: present.committedSeq,
    leaderHash: () => {
      const leader = present.leader();
      if (!leader) throw assayError("not_leader", "This coordinator does not lead now.");
      return { seq: leader.state.seq, hash: stateHash(leader.state, digest) };
    },
    onProjected: (seq) => {
      const leader = present.leader();
      if (leader?.alive) leader.execute({ type: "projected", seq });
    },
    onPatterns: (patterns, seq) => {
      const leader = present.leader();
      if (leader?.alive) leader.execute({ type: "report_patterns", seq, patterns });
    },
    onMuted: (tests) => {
      const leader = present.leader();
      if (leader?.alive) leader.execute({ type: "report_muted", tests });
    },
    onTrouble: (error) => logger.warn({ err: error }, "the follower could not write; trying again"),
    onFailed: (error) => logger.error({ err: error }, "the follower stopped: lists and results are not available"),
  });
}

/** A link belongs to its leader: when the term is over it only says so. */
function newLink(
  leader: Leader,
  { options, liveLogs }: { options: CoordinatorOptions; liveLogs: LiveLogs },
): WorkerLink {
  return new WorkerLink({
    state: leader.state,
    execute: (command, answer) => {
      if (!leader.alive) return false;
      leader.execute(command, answer);
      return true;
    },
    newSessionId: randomUUID,
    clock: systemClock,
    liveLogs,
    heartbeatIntervalMs: options.heartbeatIntervalMs,
    workerTimeoutMs: options.workerTimeoutMs,
    reconnectGraceMs: options.reconnectGraceMs,
  });
}
