/**
 * planner: what to run. Turns suite files, command lines, templates and model × backend selections into task specs, and says at which
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
export { pytestFile, vitestFile } from "./templates/emitted-tests.ts";
export { checkTemplate, expandTemplate } from "./templates/expand-template.ts";
export type { GeneratedTask, Target } from "./templates/expand-template.ts";
export { mergedTemplate } from "./templates/merged-template.ts";
export type { GivenParameters } from "./templates/parameters.ts";
export { valueText } from "./templates/placeholders.ts";
export { builtInTemplates, loadTemplate } from "./templates/template-file.ts";
export { locateError } from "./located-error.ts";
export { tasksOfTypes } from "./tasks-of-types.ts";
