import { Packr } from "msgpackr";
import type { Rng } from "../../src/base/index.ts";
import { MAX_FRAME_BYTES } from "../../src/contracts/index.ts";
import type { Subprotocol } from "../../src/contracts/index.ts";
import type { Message } from "../../src/transport/index.ts";
import { mutateBytes, pick } from "./mutations.ts";

// Any MessagePack, also what Assay never writes: binary and extension types, numbers that are none.
const packr = new Packr({ useRecords: false, moreTypes: true });
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const RAW_JSON = [
  '{"n":1e999,"type":"heartbeat"}',
  '{"n":1,"n":2,"type":"goodbye","reason":"twice"}',
  '{"n":1,"type":"goodbye","reason":"\\ud800"}',
  '{"n":1,"__proto__":{"type":"goodbye"},"reason":""}',
  "[".repeat(100),
  '{"a":'.repeat(5_000),
  "null",
  '"text"',
  "",
  "\u0000",
];

/** An array in an array in an array: deeper than any stack. */
const RAW_MSGPACK = new Uint8Array(100_000).fill(0x91);

/** A frame on the wire, whatever it holds. */
export function encode(subprotocol: Subprotocol, frame: object): Message {
  return subprotocol === "assay.v1+json" ? JSON.stringify(frame) : new Uint8Array(packr.pack(frame));
}

/** A message in which nothing of the frame need be left: changed bytes, the other kind of message, more than is allowed. */
export function spoil(rng: Rng, message: Message): Message {
  const kind = rng.below(400);
  if (kind === 0) return oversized(message);
  if (kind < 20) return pick(rng, RAW_JSON);
  if (kind < 22) return RAW_MSGPACK;
  const bytes = typeof message === "string" ? encoder.encode(message) : message;
  const changed = mutateBytes(rng, bytes);
  const asText = typeof message === "string" ? kind >= 50 : kind < 40;
  return asText ? decoder.decode(changed) : changed;
}

function oversized(message: Message): Message {
  return typeof message === "string" ? " ".repeat(MAX_FRAME_BYTES) + message : new Uint8Array(MAX_FRAME_BYTES + 1);
}
