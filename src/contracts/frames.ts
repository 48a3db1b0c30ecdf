import { z } from "zod";
import { capabilityDocument, workerLoad } from "./capability.ts";
import { resultDocument } from "./result.ts";
import { hardware, identifier, taskSpec } from "./task.ts";
import { workerAnswerItem, workerCommandItem } from "./worker-command.ts";

/** No frame is larger than this on the wire. */
export const MAX_FRAME_BYTES = 1024 * 1024;
/** How long a new connection may take to say hello. */
export const HELLO_TIMEOUT_MS = 5_000;
/** Most items in one frame that carries a list. */
export const MAX_ITEMS = 512;

const leaseSeq = z.int().positive();
/** Milliseconds since 1970 UTC, up to the year 9999: what every part of Assay can store. */
const timeMs = z.number().min(0).max(253_402_300_799_999);
/** What an attempt leaves for the next one: so many characters at most. */
export const MAX_PAYLOAD_CHARACTERS = 8_192;
/** Opaque to everybody but the executor that wrote it. */
const payload = z.string().max(MAX_PAYLOAD_CHARACTERS);
/** Why the worker was started anew, or why it takes no work. */
const note = z.string().max(500);
/** A member of a group and where it runs. */
const groupPeer = z.strictObject({ task_id: identifier, worker_id: identifier, hostname: z.string() });
export type GroupPeer = z.infer<typeof groupPeer>;
const items = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(MAX_ITEMS);

/** A lease that the worker still knows: waiting for a slot, running, or finished and not yet acknowledged. */
export const heldLease = z.strictObject({
  lease_seq: leaseSeq,
  run_id: identifier,
  task_id: identifier,
  attempt: z.int().positive(),
  state: z.enum(["waiting", "running", "finished"]),
});
export type HeldLease = z.infer<typeof heldLease>;

/** How an attempt ended. */
export const finishedItem = z.strictObject({
  lease_seq: leaseSeq,
  run_id: identifier,
  attempt: z.int().positive(),
  started_at_ms: timeMs,
  finished_at_ms: timeMs,
  result: resultDocument,
});
export type FinishedItem = z.infer<typeof finishedItem>;

/** Frames from worker to coordinator. `n` counts the frames of one session and direction from 1, without gaps. */
export const workerFrame = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("hello"),
    protocol_version: z.int(),
    assay_version: z.string(),
    worker_id: identifier,
    name: identifier,
    /** Changes with each start of the worker process. */
    incarnation: z.string().max(100),
    capabilities: capabilityDocument,
    slots: z.int().min(1).max(10_000),
    /** Most leases the worker takes at once: its slots and a few in reserve. */
    credits: z.int().min(1).max(20_000),
    held: z.array(heldLease).max(20_000),
    note: note.optional(),
  }),
  z.strictObject({
    type: z.literal("heartbeat"),
    load: workerLoad,
    /** The highest lease_seq among the assignments received so far in this session; 0 for none. */
    received_seq: z.int().min(0),
    held: z.array(leaseSeq).max(20_000),
  }),
  z.strictObject({
    type: z.literal("started"),
    items: items(z.strictObject({ lease_seq: leaseSeq, started_at_ms: timeMs })),
  }),
  z.strictObject({
    type: z.literal("progress"),
    lease_seq: leaseSeq,
    fraction: z.number().min(0).max(1).optional(),
    message: z.string().max(2_000).optional(),
    /** What the next attempt needs to go on from here, should this one not come to its end. */
    payload: payload.optional(),
  }),
  z.strictObject({
    type: z.literal("log"),
    lease_seq: leaseSeq,
    stream: z.enum(["stdout", "stderr"]),
    text: z.string().max(64 * 1024),
  }),
  z.strictObject({
    type: z.literal("finished"),
    items: items(finishedItem),
  }),
  z.strictObject({
    type: z.literal("released"),
    items: items(z.strictObject({ lease_seq: leaseSeq, reason: z.string().max(500), payload: payload.optional() })),
  }),
  z.strictObject({
    type: z.literal("capabilities"),
    capabilities: capabilityDocument,
    slots: z.int().min(1),
    credits: z.int().min(1),
    note: note.optional(),
  }),
  z.strictObject({ type: z.literal("goodbye"), reason: z.string().max(500) }),
  z.strictObject({ type: z.literal("answer"), items: items(workerAnswerItem) }),
]);
export type WorkerFrame = z.infer<typeof workerFrame>;
export type WorkerFrameInput = z.input<typeof workerFrame>;
export type WorkerFrameOf<Type extends WorkerFrame["type"]> = Extract<WorkerFrame, { type: Type }>;

export const ackVerdicts = ["accepted", "stale", "conflict"] as const;
export type AckVerdict = (typeof ackVerdicts)[number];

/** Frames from coordinator to worker. */
export const coordinatorFrame = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("welcome"),
    protocol_version: z.int(),
    assay_version: z.string(),
    session_id: z.string(),
    /** The leader's epoch; a worker never accepts a lower one than it has seen. */
    epoch: z.int().positive(),
    heartbeat_interval_ms: z.int().positive(),
    worker_timeout_ms: z.int().positive(),
    time_ms: timeMs,
  }),
  z.strictObject({
    type: z.literal("assign"),
    items: items(
      z.strictObject({
        lease_seq: leaseSeq,
        run_id: identifier,
        attempt: z.int().positive(),
        hardware: hardware.optional(),
        /** Indexes of the worker's GPUs that were set aside for the attempt. */
        gpus: z.array(z.int().min(0)).max(1_000).optional(),
        /** What an earlier attempt left for this one. */
        payload: payload.optional(),
        /** The members of its group, itself included. */
        peers: z.array(groupPeer).optional(),
        spec: taskSpec,
      }),
    ),
  }),
  z.strictObject({
    type: z.literal("ack"),
    items: items(z.strictObject({ lease_seq: leaseSeq, verdict: z.enum(ackVerdicts) })),
  }),
  z.strictObject({
    type: z.literal("cancel"),
    items: items(z.strictObject({ lease_seq: leaseSeq, reason: z.string() })),
  }),
  z.strictObject({
    type: z.literal("revoke"),
    /** The worker hands each back with `released`: those it has not started, and with `running` also those that run. */
    items: items(z.strictObject({ lease_seq: leaseSeq, running: z.boolean(), reason: z.string() })),
  }),
  z.strictObject({ type: z.literal("drain"), reason: z.string() }),
  z.strictObject({ type: z.literal("heartbeat_ack"), time_ms: timeMs }),
  z.strictObject({ type: z.literal("command"), items: items(workerCommandItem) }),
]);
export type CoordinatorFrame = z.infer<typeof coordinatorFrame>;
export type CoordinatorFrameInput = z.input<typeof coordinatorFrame>;
export type CoordinatorFrameOf<Type extends CoordinatorFrame["type"]> = Extract<CoordinatorFrame, { type: Type }>;
export type AssignItem = CoordinatorFrameOf<"assign">["items"][number];

/** Why a session was closed: WebSocket close code and error code. */
export const closeReasons = {
  normal: { code: 1000, error: null },
  shutting_down: { code: 1001, error: "shutting_down" },
  frame_too_large: { code: 1009, error: "frame_too_large" },
  internal: { code: 1011, error: "internal" },
  slow_reader: { code: 1013, error: "slow_reader" },
  bad_frame: { code: 4000, error: "bad_frame" },
  not_leader: { code: 4001, error: "not_leader" },
  protocol_version: { code: 4002, error: "protocol_version" },
  unauthenticated: { code: 4003, error: "unauthenticated" },
  hello_timeout: { code: 4004, error: "hello_timeout" },
  out_of_order: { code: 4005, error: "out_of_order" },
  session_replaced: { code: 4006, error: "session_replaced" },
  heartbeat_timeout: { code: 4007, error: "heartbeat_timeout" },
  rate_limited: { code: 4008, error: "rate_limited" },
  journal_put_back: { code: 4009, error: "journal_put_back" },
} as const;
export type CloseReason = keyof typeof closeReasons;
