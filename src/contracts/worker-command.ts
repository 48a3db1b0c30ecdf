import { z } from "zod";
import { identifier } from "./task.ts";

/**
 * What a person can ask of a worker. `drain`: take nothing new. `stop`: drain, then end. `restart`: drain, then start anew.
 * `update`: the same with another version of Assay.
 */
export const workerActions = ["drain", "stop", "restart", "update"] as const;
export type WorkerAction = (typeof workerActions)[number];

/** What a worker says of a command. `accepted`: it is at it; `done` and `failed` are final. */
export const workerAnswerStates = ["accepted", "done", "failed"] as const;
/** `pending`: not heard by the worker yet. */
export const workerCommandStates = ["pending", ...workerAnswerStates] as const;
export type WorkerCommandState = (typeof workerCommandStates)[number];

const MAX_DEADLINE_SECONDS = 604_800;
const reason = z.string().max(500);
/** The name of a version is also the name of a folder. */
const version = z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,99}$/);

const isVersionInPlace = (command: { action: WorkerAction; version?: string | null | undefined }): boolean =>
  (command.action === "update") === (typeof command.version === "string");
const versionOutOfPlace = { message: "belongs to the action update, and only to it", path: ["version"] };

/** A command on the wire. */
export const workerCommandItem = z
  .strictObject({
    command_id: identifier,
    action: z.enum(workerActions),
    /** From when the worker accepts: attempts that still run then are handed back. Without it they may take their time. */
    deadline_ms: z
      .int()
      .min(0)
      .max(MAX_DEADLINE_SECONDS * 1000)
      .optional(),
    version: version.optional(),
    reason,
  })
  .refine(isVersionInPlace, versionOutOfPlace);
export type WorkerCommandItem = z.infer<typeof workerCommandItem>;

/** What the worker says of a command. */
export const workerAnswerItem = z.strictObject({
  command_id: identifier,
  state: z.enum(workerAnswerStates),
  message: z.string().max(2_000).optional(),
});
export type WorkerAnswerItem = z.infer<typeof workerAnswerItem>;

export const workerCommandRequest = z
  .strictObject({
    command_id: identifier.optional().describe("Makes the request idempotent; made up when left out"),
    action: z.enum(workerActions),
    deadline_seconds: z
      .number()
      .min(0)
      .max(MAX_DEADLINE_SECONDS)
      .nullable()
      .default(null)
      .describe("After that, attempts that still run are handed back; null lets them end"),
    version: version.nullable().default(null).describe("Of `update` only"),
    reason: reason.default("asked by a person"),
  })
  .refine(isVersionInPlace, versionOutOfPlace);
export type WorkerCommandRequest = z.infer<typeof workerCommandRequest>;
export type WorkerCommandInput = z.input<typeof workerCommandRequest>;

export const workerCommandView = z.strictObject({
  command_id: identifier,
  worker_id: identifier,
  action: z.enum(workerActions),
  state: z.enum(workerCommandStates),
  deadline_seconds: z.number().nullable(),
  version: z.string().nullable(),
  requested_by: z.string(),
  reason: z.string(),
  create_time: z.iso.datetime(),
  message: z.string().nullable().describe("What the worker said last"),
});
export type WorkerCommandView = z.infer<typeof workerCommandView>;
export const workerCommandsResponse = z.strictObject({ items: z.array(workerCommandView) });
