import { Packr, type Options } from "msgpackr";

import { assert } from "../base/index.ts";
import type { JournalEvent } from "../contracts/index.ts";
import { COMPACT_VERSION, CompactReader, CompactWriter } from "./compact-events.ts";
import type { CompactBatch } from "./compact-events.ts";

// Plain MessagePack, so that any reader takes it apart. Keys without a value are left out, as in JSON;
// msgpackr would write an extension for them. Its types do not know `skipValues`.
const options: Options & { skipValues: unknown[] } = {
  useRecords: false,
  variableMapSize: true,
  skipValues: [undefined],
};
const packr = new Packr(options);

/** The events of one batch as one MessagePack array, headed by the version of its form. */
export function encodeEvents(events: readonly JournalEvent[]): Uint8Array {
  const writer = new CompactWriter();
  for (const event of events) writer.add(event);
  return packr.pack(writer.take());
}

/** The reverse of `encodeEvents`. The bytes are covered by the batch's hash, so their shape is trusted. */
export function decodeEvents(bytes: Uint8Array): JournalEvent[] {
  const parts: unknown = packr.unpack(bytes);
  assert(Array.isArray(parts), "the events of a batch are an array");
  if (parts[0] === COMPACT_VERSION) return new CompactReader(parts as CompactBatch).all();
  // The first form, without a version: the events themselves.
  assert(typeof parts[0] !== "number", `a later Assay wrote this batch: form ${String(parts[0])}`);
  return parts as JournalEvent[];
}
