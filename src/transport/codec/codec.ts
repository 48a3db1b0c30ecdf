import type { z } from "zod";
import { err, errorMessage, ok } from "../../base/index.ts";
import type { Result } from "../../base/index.ts";
import {
  ASSAY_VERSION,
  coordinatorFrame,
  faultsFromIssues,
  MAX_FRAME_BYTES,
  PROTOCOL_VERSION,
  workerFrame,
} from "../../contracts/index.ts";
import type {
  CoordinatorFrame,
  CoordinatorFrameInput,
  Subprotocol,
  WorkerFrame,
  WorkerFrameInput,
} from "../../contracts/index.ts";
import type { Message } from "../connection.ts";
import { MAX_DEPTH } from "../limits.ts";
import { frameFault } from "./frame-fault.ts";
import type { FrameFault } from "./frame-fault.ts";
import { measure } from "./measure.ts";
import { isLargerThan } from "./message-size.ts";
import { msgpackProblem, packMessage, unpackMessage } from "./msgpack.ts";

/**
 * Frames to messages and back, for one side of the link. On the wire a frame carries `n`: 1, 2, 3… per session and direction.
 * Nothing here throws.
 */
export interface FrameCodec<In, Out extends object> {
  /** Refuses what the other side would refuse for its size or depth; it does not check the schema. */
  encode(frame: Out, n: number): Result<Message, FrameFault>;
  /** Checks size, depth, `n` and schema, in this order; `n` is the number that must come now. */
  decode(message: Message, n: number): Result<In, FrameFault>;
}

/** For a coordinator: reads worker frames, writes coordinator frames. */
export function coordinatorCodec(subprotocol: Subprotocol): FrameCodec<WorkerFrame, CoordinatorFrameInput> {
  return frameCodec(subprotocol, workerFrame);
}

/** For a worker: reads coordinator frames, writes worker frames. */
export function workerCodec(subprotocol: Subprotocol): FrameCodec<CoordinatorFrame, WorkerFrameInput> {
  return frameCodec(subprotocol, coordinatorFrame);
}

function frameCodec<In, Out extends object>(subprotocol: Subprotocol, schema: z.ZodType<In>): FrameCodec<In, Out> {
  const format = formats[subprotocol];
  return {
    encode(frame, n) {
      if (measure(frame, MAX_DEPTH).depth > MAX_DEPTH) return err(frameFault("bad_frame", TOO_DEEP));
      const message = format.write({ n, ...frame });
      return isLargerThan(message, MAX_FRAME_BYTES) ? err(frameFault("frame_too_large", TOO_LARGE)) : ok(message);
    },
    decode(message, n) {
      if (isLargerThan(message, MAX_FRAME_BYTES)) return err(frameFault("frame_too_large", TOO_LARGE));
      const value = format.read(message);
      return value.ok ? decodeValue(value.value, n, schema) : value;
    },
  };
}

const TOO_LARGE = `A frame is larger than ${MAX_FRAME_BYTES} bytes.`;
const TOO_DEEP = `A frame nests deeper than ${MAX_DEPTH} levels.`;

interface Format {
  write(value: object): Message;
  /** A value that nests no deeper than the limit. */
  read(message: Message): Result<unknown, FrameFault>;
}

const formats: Record<Subprotocol, Format> = {
  "assay.v1+msgpack": {
    write: packMessage,
    read(message) {
      if (typeof message === "string") return err(frameFault("bad_frame", "This subprotocol sends binary messages."));
      const problem = msgpackProblem(message);
      if (problem !== null) return err(frameFault("bad_frame", `A frame is not plain MessagePack: ${problem}.`));
      return ok(unpackMessage(message));
    },
  },
  "assay.v1+json": {
    write: (value) => JSON.stringify(value),
    read(message) {
      if (typeof message !== "string") return err(frameFault("bad_frame", "This subprotocol sends text messages."));
      try {
        const value: unknown = JSON.parse(message);
        return measure(value, MAX_DEPTH).depth > MAX_DEPTH ? err(frameFault("bad_frame", TOO_DEEP)) : ok(value);
      } catch (error) {
        return err(frameFault("bad_frame", `A frame is not JSON: ${errorMessage(error)}`));
      }
    },
  },
};

function decodeValue<In>(value: unknown, expected: number, schema: z.ZodType<In>): Result<In, FrameFault> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return err(frameFault("bad_frame", "A frame must be an object."));
  }
  const { n, ...frame } = value as Record<string, unknown>;
  if (typeof n !== "number" || !Number.isSafeInteger(n)) {
    return err(frameFault("bad_frame", "n must be a whole number", "n"));
  }
  if (n !== expected) return err(frameFault("out_of_order", `Frame ${n} came where ${expected} was due.`, "n"));
  const version = greetingVersion(frame);
  if (version !== null) return err(frameFault("protocol_version", version, "protocol_version"));
  const parsed = schema.safeParse(frame);
  if (parsed.success) return ok(parsed.data);
  const [first] = faultsFromIssues(parsed.error.issues, "frame");
  return err(frameFault("bad_frame", first?.message ?? "A frame does not match its schema.", first?.path));
}

/**
 * What is wrong with the version of a greeting, or null. It is looked at before the schema: the greeting of another version
 * may have other fields, and its sender should read about the version, not about them.
 */
function greetingVersion({ type, protocol_version, assay_version }: Record<string, unknown>): string | null {
  if (type !== "hello" && type !== "welcome") return null;
  if (typeof protocol_version !== "number" || protocol_version === PROTOCOL_VERSION) return null;
  const theirs = typeof assay_version === "string" ? ` (Assay ${assay_version.slice(0, 20)})` : "";
  return `One side speaks protocol ${protocol_version}${theirs}, the other ${PROTOCOL_VERSION} (Assay ${ASSAY_VERSION}).`;
}
