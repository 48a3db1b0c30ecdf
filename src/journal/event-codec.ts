import { Packr, type Options } from "msgpackr";

import { assert } from "../base/index.ts";
import type { JournalEvent } from "../contracts/index.ts";

// Plain MessagePack: an array of maps, so that any reader decodes it. Keys without a value are left out, as in JSON;
// msgpackr would write an extension for them. Its types do not know `skipValues`.
const options: Options & { skipValues: unknown[] } = {
  useRecords: false,
  variableMapSize: true,
  skipValues: [undefined],
};
const packr = new Packr(options);

/** The events of one batch as one MessagePack array. */
export function encodeEvents(events: readonly JournalEvent[]): Uint8Array {
  return packr.pack(events);
}

/** The reverse of `encodeEvents`. The bytes are covered by the batch's hash, so their shape is trusted. */
export function decodeEvents(bytes: Uint8Array): JournalEvent[] {
  const events: unknown = packr.unpack(bytes);
  assert(Array.isArray(events), "the events of a batch are an array");
  return events as JournalEvent[];
}
