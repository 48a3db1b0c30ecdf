/**
 * scheduler: the pure state machine of the coordinator. `decide` turns a command into events, `evolve` applies an event to the
 * state, `step` does both and adds what follows, `assign` grants leases. Policies stand in a file each: match, priority,
 * placement, retry.
 *
 * Never: clock, randomness, I/O, async, Node. Time, ids and digests come in as arguments.
 * May enter: coordinator, the simulator.
 */
export type { Command, Reply } from "./commands.ts";
export { nextTimerMs } from "./decide-time.ts";
export { evolve } from "./evolve.ts";
export { explain } from "./explain.ts";
export { fromSnapshot, toSnapshot } from "./snapshot.ts";
export type { StateSnapshot } from "./snapshot.ts";
export { emptyState } from "./state.ts";
export type { State, Task } from "./state.ts";
export { assign, step } from "./step.ts";
