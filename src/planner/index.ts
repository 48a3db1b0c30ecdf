/**
 * planner: what to run. Turns suite files, command lines and model × backend selections into task specs, and says at which
 * line of the file something is wrong.
 *
 * Never: starts, schedules or stores anything; talks to a coordinator; reads arguments or environment.
 * May enter: cli.
 */
export { commandTask } from "./command-task.ts";
export { dependencyFault } from "./dependency-fault.ts";
export { loadSuite, parseSuite } from "./load-suite.ts";
export { matrixTasks } from "./matrix-tasks.ts";
export type { BackendChoice } from "./matrix-tasks.ts";
export { locateError } from "./located-error.ts";
