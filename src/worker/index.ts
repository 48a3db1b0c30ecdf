/**
 * worker: the process that executes: one session with the coordinator at a time, slots, results kept until they are
 * acknowledged, live output, artifacts on their way to the coordinator; and the supervisor that starts such processes anew.
 *
 * Never: decides what runs where, or knows what kinds of task do. Does not import the coordinator.
 * May enter: tab, cli, bench, sim.
 */
export type { ArtifactStore } from "./artifact-store.ts";
export type { AttemptFolders, LiveView } from "./attempt-context.ts";
export { measureCapabilities } from "./capabilities.ts";
export type { CommandMemory } from "./command-memory.ts";
export { rememberingIn } from "./command-memory.ts";
export { ExecutorHost } from "./executor-host.ts";
export { HttpArtifactStore } from "./http-artifact-store.ts";
export { Outbox } from "./outbox.ts";
export type { OutboxStore } from "./outbox.ts";
export type { AttemptRunner } from "./slots.ts";
export { startWorker } from "./start-worker.ts";
export type { WorkerHandle } from "./start-worker.ts";
export { supervisedBy } from "./supervision.ts";
export type { Supervision } from "./supervision.ts";
export { chooseNextVersion, superviseWorker } from "./supervisor.ts";
export { installVersion } from "./versions.ts";
export type { WorkerLogger } from "./worker-logger.ts";
export { Worker } from "./worker.ts";
export type { WorkerStatus } from "./worker.ts";
