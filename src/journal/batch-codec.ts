import { batchHash } from "./batch.ts";
import { decodeEvents, encodeEvents } from "./event-codec.ts";
import type { BatchCodec } from "./journal.ts";

/** How batches are stored everywhere but in a simulation. */
export const batchCodec: BatchCodec = { encode: encodeEvents, decode: decodeEvents, hash: batchHash };
