/**
 * base: the small words every room shares: assertions, results, ids, clock, randomness, ordered collections.
 *
 * Never: Node, npm packages, I/O, knowledge of tests, tasks or workers.
 * May enter: every room.
 */
export { assert, assertNever } from "./assert.ts";
export { AssayError, errorCode, errorMessage } from "./assay-error.ts";
export { systemClock } from "./clock.ts";
export type { Clock, Timer } from "./clock.ts";
export { Heap } from "./heap.ts";
export type { HeapItem } from "./heap.ts";
export { asRunId, asTaskId, asWorkerId } from "./ids.ts";
export type { RunId, TaskId, WorkerId } from "./ids.ts";
export { inParallel } from "./in-parallel.ts";
export { isoTime } from "./iso-time.ts";
export { canonicalJson } from "./json.ts";
export type { JsonObject, JsonValue } from "./json.ts";
export { manualClock } from "./manual-clock.ts";
export type { ManualClock } from "./manual-clock.ts";
export { memoized } from "./memoized.ts";
export { AsyncQueue } from "./async-queue.ts";
export { err, ok } from "./result.ts";
export type { Result } from "./result.ts";
export { fullJitterMs, hashText, seededRng } from "./rng.ts";
export type { Rng } from "./rng.ts";
export { siblingModule } from "./sibling-module.ts";
export { TokenBucket } from "./token-bucket.ts";
export { wellFormedJson } from "./well-formed-json.ts";
