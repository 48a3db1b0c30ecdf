/**
 * scheduler: the pure state machine of the coordinator. `decide` turns a command into events, `evolve` applies an event to the
 * state, `step` does both and adds what follows, `assign` grants leases, `review` looks at what only time shows. Policies stand
 * in a file each:
 *
 *   who is due      fairness (pool, user, run), priority (within a queue), dependencies, groups
 *   where           match, avoidance, resources, placement, horizon, estimates, fallback
 *   making room     claims, preemption, migration, hedging
 *   what went wrong retry, quarantine, mutes
 *
 * Never: clock, randomness, I/O, async, Node. Time, ids and digests come in as arguments.
 * May enter: coordinator, the simulator; cli, which asks what would fit.
 */
export { patternsOf } from "./avoidance.ts";
export type { SharedSpec } from "./compact-spec.ts";
export type { Command, Reply } from "./commands.ts";
export { nextTimerMs } from "./decide-time.ts";
export { evolve } from "./evolve.ts";
export { explain } from "./explain.ts";
export { mutesOf } from "./mutes.ts";
export { fit } from "./match.ts";
export { sharesOf } from "./shares.ts";
export { StateRestoration, snapshotParts } from "./snapshot.ts";
export { emptyState } from "./state.ts";
export type { Lease, State, Task } from "./state.ts";
export { templateAt, templatesOf, templateView } from "./templates.ts";
export { tokensOf } from "./tokens.ts";
export { commandsOf } from "./worker-commands.ts";
export type { WorkerCommand } from "./worker-commands.ts";
export { REVIEW_INTERVAL_MS, assign, review, step } from "./step.ts";
