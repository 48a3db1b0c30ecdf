/**
 * coordinator: wires the journal, the scheduler, the worker link, the results and the REST API into one process.
 * `start-coordinator.ts` shows how the parts hang together; `leader.ts` is the loop that everything goes through.
 *
 * Never: rules of its own about what runs where (that is the scheduler), workers, executors.
 * May enter: cli, tests, benchmarks.
 */
export { dataFolder } from "./data-folder.ts";
export { rebuildResults } from "./rebuild-results.ts";
export { WATCH_DEFAULTS, startCoordinator } from "./start-coordinator.ts";
export type { CoordinatorHandle, CoordinatorOptions } from "./start-coordinator.ts";
