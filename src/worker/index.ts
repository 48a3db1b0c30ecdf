/**
 * worker: the process that executes: one session with the coordinator at a time, slots, results kept until they are
 * acknowledged, live output, artifacts on their way to the coordinator; and the supervisor that starts such processes anew.
 *
 * Never: decides what runs where, or knows what kinds of task do. Does not import the coordinator.
 * May enter: cli, bench, sim, the dashboard's tab worker.
 */
export { measureCapabilities } from "./capabilities.ts";
export { HttpArtifactStore } from "./http-artifact-store.ts";
export { startWorker } from "./start-worker.ts";
export type { WorkerHandle } from "./start-worker.ts";
export { supervisedBy } from "./supervision.ts";
export type { Supervision } from "./supervision.ts";
export { chooseNextVersion, superviseWorker } from "./supervisor.ts";
export { installVersion } from "./versions.ts";
export type { WorkerLogger } from "./worker-logger.ts";
