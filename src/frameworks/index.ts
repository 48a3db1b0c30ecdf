/**
 * frameworks: one folder per test framework: how its tests are found and marked, and how they are run, told test by test.
 *
 * Never: decides what runs where, keeps results, knows of workers or coordinators; one framework never uses another.
 * May enter: planner, executors, cli.
 */
export type {
  Clue,
  DiscoveredTest,
  Discovery,
  DiscoveryDetail,
  Framework,
  FrameworkPlace,
  FrameworkProcess,
  MarkOrder,
  MarkWish,
  ProcessEnd,
  ProcessStarter,
  ProjectFiles,
  SessionOptions,
  StartOptions,
  TestEvent,
  TestSession,
  UnmetWish,
} from "./framework.ts";
export { shellWord } from "./command-line.ts";
export { eventLines } from "./event-lines.ts";
export { findPython } from "./find-python.ts";
export { frameworks } from "./frameworks.ts";
export { parsedScript } from "./parsed-script.ts";
export type { ParsedScript } from "./parsed-script.ts";
export { PlainStarter } from "./plain-starter.ts";
