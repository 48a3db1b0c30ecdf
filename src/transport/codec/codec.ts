import type { z } from "zod";
import { err, errorMessage, ok, wellFormedJson } from "../../base/index.ts";
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
import { coordinatorFrameCheck, workerFrameCheck } from "./frame-check.ts";
import type { FrameCheck } from "./frame-check.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";

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
  return frameCodec(subprotocol, workerFrame, workerFrameCheck);
}

/** For a worker: reads coordinator frames, writes worker frames. */
export function workerCodec(subprotocol: Subprotocol): FrameCodec<CoordinatorFrame, WorkerFrameInput> {
  return frameCodec(subprotocol, coordinatorFrame, coordinatorFrameCheck);
}

function frameCodec<In, Out extends object>(
  subprotocol: Subprotocol,
  schema: z.ZodType<In>,
  check: FrameCheck<In>,
): FrameCodec<In, Out> {
  const format = formats[subprotocol];
  return {
    encode: (frame, n) => format.write(frame, n),
    decode(message, n) {
      if (isLargerThan(message, MAX_FRAME_BYTES)) return err(tooLarge);
      const value = format.read(message);
      return value.ok ? decodeValue(value.value, n, { schema, check }) : value;
    },
  };
}

const tooLarge = frameFault("frame_too_large", `A frame is larger than ${MAX_FRAME_BYTES} bytes.`);
const tooDeep = frameFault("bad_frame", `A frame nests deeper than ${MAX_DEPTH} levels.`);

interface Format {
  write(frame: object, n: number): Result<Message, FrameFault>;
  /** A value that nests no deeper than the limit. */
  read(message: Message): Result<unknown, FrameFault>;
}

const msgpackReader = new MsgpackReader();
const msgpackWriter = new MsgpackWriter(MAX_FRAME_BYTES);

const formats: Record<Subprotocol, Format> = {
  "assay.v1+msgpack": {
    write(frame, n) {
      const message = msgpackWriter.write(n, frame);
      if (typeof message === "object") return ok(message);
      return err(message === "too_deep" ? tooDeep : tooLarge);
    },
    read(message) {
      if (typeof message === "string") return err(frameFault("bad_frame", "This subprotocol sends binary messages."));
      const value = msgpackReader.read(message);
      return value.ok ? value : err(frameFault("bad_frame", `A frame is not plain MessagePack: ${value.error}.`));
    },
  },
  "assay.v1+json": {
    write(frame, n) {
      if (measure(frame, MAX_DEPTH).depth > MAX_DEPTH) return err(tooDeep);
      const message = JSON.stringify({ n, ...frame });
      return isLargerThan(message, MAX_FRAME_BYTES) ? err(tooLarge) : ok(message);
    },
    read(message) {
      if (typeof message !== "string") return err(frameFault("bad_frame", "This subprotocol sends text messages."));
      try {
        const value: unknown = JSON.parse(wellFormedJson(message));
        return measure(value, MAX_DEPTH).depth > MAX_DEPTH ? err(tooDeep) : ok(value);
      } catch (error) {
        return err(frameFault("bad_frame", `A frame is not JSON: ${errorMessage(error)}`));
      }
    },
  },
};

function decodeValue<In>(
  value: unknown,
  expected: number,
  { schema, check }: { schema: z.ZodType<In>; check: FrameCheck<In> },
): Result<In, FrameFault> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return err(frameFault("bad_frame", "A frame must be an object."));
  }
  const fields = value as Record<string, unknown>;
  const { n } = fields;
  if (typeof n !== "number" || !Number.isSafeInteger(n)) {
    return err(frameFault("bad_frame", "n must be a whole number", "n"));
  }
  if (n !== expected) return err(frameFault("out_of_order", `Frame ${n} came where ${expected} was due.`, "n"));
  const checked = check(fields);
  if (checked !== undefined) return ok(checked);
  const { n: _, ...frame } = fields;
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
