/**
 * contracts: the documents and messages that Assay's parts and people exchange, as zod schemas with their types: task, suite,
 * result, capability, frames, journal events, REST views, error codes, protocol version. `checks/` makes of a value what a
 * schema would, in less time.
 *
 * Never: behaviour, I/O, Node. Documents are snake_case; events and everything internal are camelCase.
 * May enter: every room.
 */
export * from "./api-check.ts";
export * from "./api.ts";
export * from "./assay-fault.ts";
export * from "./blob-batch.ts";
export * from "./capability.ts";
export * from "./checks/object-check.ts";
export * from "./checks/shortcuts.ts";
export * from "./checks/task-check.ts";
export * from "./errors.ts";
export * from "./events.ts";
export * from "./frames.ts";
export * from "./hardware-check.ts";
export * from "./limits.ts";
export * from "./matrix.ts";
export * from "./model-failure.ts";
export * from "./mutes.ts";
export * from "./patterns.ts";
export * from "./project.ts";
export * from "./result.ts";
export * from "./roles.ts";
export * from "./suite.ts";
export * from "./task.ts";
export * from "./template.ts";
export * from "./tests.ts";
export * from "./version.ts";
export * from "./views.ts";
export * from "./worker-command.ts";
export * from "./workspace.ts";
export * from "./zod-faults.ts";
