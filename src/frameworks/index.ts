/**
 * frameworks: one folder per test framework: how its tests are found and how they are run, told test by test.
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
  ProcessEnd,
  ProcessStarter,
  SessionOptions,
  StartOptions,
  TestEvent,
  TestSession,
} from "./framework.ts";
export { frameworks } from "./frameworks.ts";
export { PlainStarter } from "./plain-starter.ts";
