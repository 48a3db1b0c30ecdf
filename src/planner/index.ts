/**
 * planner: what to run. Turns suite files, command lines, templates, model × backend selections and the tests of a project into task
 * specs, says what tests need and which of them a change concerns by the text of their files, and at which line of a file something is
 * wrong; writes what tests need into their project when it is told to.
 *
 * Never: schedules or stores anything; starts more than what lists tests, git and a parser; runs what it reads; talks to a coordinator; reads arguments or environment.
 * May enter: cli.
 */
export { applyAdoption, undoAdoption } from "./adopt/adoption-record.ts";
export { planAdoption } from "./adopt/plan-adoption.ts";
export type { Adoption } from "./adopt/plan-adoption.ts";
export type { FileChange } from "./adopt/pending-files.ts";
export type { AdoptedSuite } from "./adopt/suite-overrides.ts";
export { unifiedDiff } from "./adopt/unified-diff.ts";
export { analyseNeeds } from "./analysis/analyse-needs.ts";
export type { Needs } from "./analysis/condition-needs.ts";
export { withFound } from "./analysis/found-needs.ts";
export type { Confidence, NeedFinding } from "./analysis/need-finding.ts";
export { impactOf } from "./changes/changed-tests.ts";
export type { ChainStep, ChangeImpact } from "./changes/changed-tests.ts";
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
export { batchesOf } from "./tests/batches.ts";
export type { Batch, TestPast } from "./tests/batches.ts";
export { chooseTests } from "./tests/choose-tests.ts";
export { defaultSetup } from "./tests/default-setup.ts";
export type { DefaultSetup } from "./tests/default-setup.ts";
export { findSuites } from "./tests/find-suites.ts";
export type { FoundSuite } from "./tests/find-suites.ts";
export { loadProject } from "./tests/project-file.ts";
export { suiteTasks } from "./tests/suite-tasks.ts";
export { withNeeds } from "./tests/test-needs.ts";
export type { NeedyTest } from "./tests/test-needs.ts";
export { fewUrgent } from "./tests/urgent-tests.ts";
