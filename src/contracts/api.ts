import { z } from "zod";
import { role, tokenRole } from "./roles.ts";
import { DEFAULT_POOL, identifier, taskSpec, taskTypes } from "./task.ts";
import { testResult } from "./tests.ts";
import { MAX_TASKS_PER_RUN } from "./suite.ts";
import { frameworkName, relativePath, testId, testOutcomes } from "./tests.ts";
import { attemptStates, knownTest, runStates, taskCounts, taskStates, workerStates } from "./views.ts";

/** Bodies and queries of the REST API under `/api/v1`. */
export const submitRunRequest = z.strictObject({
  name: identifier,
  wait_for_capacity: z.boolean().default(false),
  pool: identifier.default(DEFAULT_POOL).describe("The set of workers that the run is for"),
  tasks: z.array(taskSpec).min(1).max(MAX_TASKS_PER_RUN),
});
export type SubmitRunRequest = z.infer<typeof submitRunRequest>;
export type SubmitRunInput = z.input<typeof submitRunRequest>;

export const submitRunResponse = z.strictObject({ run_id: identifier, tasks: z.int(), duplicate: z.boolean() });
export type SubmitRunResponse = z.infer<typeof submitRunResponse>;

/** What part of the workers a pool, or a user within a pool, is due: in proportion to its weight, and never above a quota. */
export const shareRequest = z.strictObject({
  weight: z.number().min(0.001).max(1_000).default(1),
  max_running: z.int().min(1).max(1_000_000).nullable().default(null).describe("Most leases at the same time"),
});
export type ShareRequest = z.infer<typeof shareRequest>;
export type ShareRequestInput = z.input<typeof shareRequest>;
export const shareKinds = ["pool", "user"] as const;
export const shareView = z.strictObject({
  kind: z.enum(shareKinds),
  name: z.string(),
  weight: z.number(),
  max_running: z.int().nullable(),
  running: z.int().describe("Leases it holds now"),
  waiting: z.int().describe("Tasks that could be leased now"),
});
export type ShareView = z.infer<typeof shareView>;
export const sharesResponse = z.strictObject({ items: z.array(shareView) });
export type SharesResponse = z.infer<typeof sharesResponse>;

export const reasonRequest = z.strictObject({ reason: z.string().max(500).default("asked by a person") });

export const createTokenRequest = z.strictObject({
  role,
  name: identifier,
  expires_in_seconds: z.number().positive().max(315_360_000).nullable().default(null),
});
export type CreateTokenRequest = z.infer<typeof createTokenRequest>;
export const createTokenResponse = z.strictObject({
  token_id: identifier,
  token: z.string(),
  role,
  name: identifier,
  expires_at: z.iso.datetime().nullable(),
});
export type CreateTokenResponse = z.infer<typeof createTokenResponse>;
export const tokenView = z.strictObject({
  token_id: identifier,
  name: identifier,
  role: tokenRole,
  worker_id: identifier.nullable().describe("The worker that it makes of a tab"),
  expires_at: z.iso.datetime().nullable(),
});
export type TokenView = z.infer<typeof tokenView>;
export const tokensResponse = z.strictObject({ items: z.array(tokenView) });

/** Whose runs tabs work for unless somebody says otherwise: results of devices that anybody holds are not for every run. */
export const TAB_POOL = "tabs";
export const createJoinCodeRequest = z.strictObject({
  name: identifier.optional().describe("What people call the worker; made up when absent"),
  pool: identifier.default(TAB_POOL).describe("The pool whose runs it takes work from"),
});
export type CreateJoinCodeRequest = z.infer<typeof createJoinCodeRequest>;
export type CreateJoinCodeInput = z.input<typeof createJoinCodeRequest>;
const tabWorker = {
  worker_id: identifier,
  name: identifier,
  pool: identifier,
};
export const createJoinCodeResponse = z.strictObject({
  code: z.string().describe("The only time that it is shown"),
  ...tabWorker,
  expires_at: z.iso.datetime(),
});
export type CreateJoinCodeResponse = z.infer<typeof createJoinCodeResponse>;
export const joinRequest = z.strictObject({ code: z.string().min(1).max(100) });
export const joinResponse = z.strictObject({ token: z.string(), ...tabWorker, expires_at: z.iso.datetime() });
export type JoinResponse = z.infer<typeof joinResponse>;
export const tabView = z.strictObject(tabWorker);
export type TabView = z.infer<typeof tabView>;

export const MAX_PAGE = 1_000;
const paging = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  cursor: z.string().max(500).optional(),
};

export const runsQuery = z.strictObject({
  ...paging,
  state: z.enum(runStates).optional(),
  name: z.string().optional(),
});
export const tasksQuery = z.strictObject({
  ...paging,
  run_id: z.string().optional(),
  status: z.enum(taskStates).optional(),
  type: z.enum(taskTypes).optional(),
  worker_id: z.string().optional(),
});
export const attemptsQuery = z.strictObject({
  ...paging,
  run_id: z.string().optional(),
  task_id: z.string().optional(),
  worker_id: z.string().optional(),
  status: z.enum(attemptStates).optional(),
});
export const workersQuery = z.strictObject({
  ...paging,
  status: z.enum(workerStates).optional(),
  name: z.string().optional(),
});
export const resultsQuery = z.strictObject({
  ...paging,
  run_id: z.string().optional(),
  task_id: z.string().optional(),
  worker_id: z.string().optional(),
  model: z.string().optional(),
  backend: z.string().optional(),
  hardware: z.string().optional(),
  status: z.string().optional(),
});
export const artifactsQuery = z.strictObject({
  ...paging,
  run_id: z.string().optional(),
  task_id: z.string().optional(),
  sha256: z.string().optional(),
});
export const testsQuery = z.strictObject({
  ...paging,
  run_id: z.string().optional(),
  task_id: z.string().optional(),
  framework: frameworkName.optional(),
  test_id: testId.optional(),
  outcome: z.enum(testOutcomes).optional(),
});
export type TestsQuery = z.infer<typeof testsQuery>;
export type RunsQuery = z.infer<typeof runsQuery>;
export type TasksQuery = z.infer<typeof tasksQuery>;
export type AttemptsQuery = z.infer<typeof attemptsQuery>;
export type WorkersQuery = z.infer<typeof workersQuery>;
export type ResultsQuery = z.infer<typeof resultsQuery>;
export type ArtifactsQuery = z.infer<typeof artifactsQuery>;

/** What a planner needs to know of the tests of one framework in one folder. */
export const knownTestsRequest = z.strictObject({
  framework: frameworkName,
  directory: relativePath.default("."),
  test_ids: z.array(testId).min(1).max(50_000),
});
export type KnownTestsRequest = z.infer<typeof knownTestsRequest>;
export type KnownTestsInput = z.input<typeof knownTestsRequest>;
export const knownTestsResponse = z.strictObject({
  items: z.array(knownTest).describe("Tests that never ran are not among them"),
});

export const sqlRequest = z.strictObject({
  sql: z.string().min(1).max(100_000),
  max_rows: z.int().min(1).max(100_000).default(1_000),
});
export const sqlResponse = z.strictObject({
  columns: z.array(z.string()),
  rows: z.array(z.array(z.json())),
  truncated: z.boolean(),
});
export type SqlResponse = z.infer<typeof sqlResponse>;

/** The coordinator at a glance, from the leader's memory. */
export const statusResponse = z.strictObject({
  assay_version: z.string(),
  protocol_version: z.int(),
  epoch: z.int(),
  /** Sequence of the newest event. */
  seq: z.int(),
  started_at: z.iso.datetime(),
  workers: z.record(z.enum(workerStates), z.int()),
  tasks: taskCounts,
  active_runs: z.int(),
});
export type StatusResponse = z.infer<typeof statusResponse>;

/** The state as a digest, of the leader and of the journal replayed by the follower, at the same place. */
export const stateHashResponse = z.strictObject({
  seq: z.int(),
  leader: z.string(),
  replay: z.string(),
  equal: z.boolean(),
});
export type StateHashResponse = z.infer<typeof stateHashResponse>;

export const errorResponse = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    next: z.string(),
    path: z.string().optional(),
  }),
});
export type ErrorResponse = z.infer<typeof errorResponse>;

/** One event of `/api/v1/events`: what happened, without the documents. Fields that do not apply are absent. */
export const feedEvent = z.strictObject({
  seq: z.int(),
  time: z.iso.datetime(),
  type: z.string(),
  run_id: z.string().optional(),
  task_id: z.string().optional(),
  attempt: z.int().optional(),
  worker_id: z.string().optional(),
  hardware: z.string().optional(),
  outcome: z.string().optional(),
  state: z.string().optional().describe("State of the task, run or worker after the event"),
  failure_class: z.string().optional(),
  failure_reason: z.string().optional().describe("The executor's finer word, e.g. unknown_model"),
  message: z.string().optional(),
  execution_time_seconds: z.number().optional().describe("Of an attempt that ended; absent when it never started"),
  tests: z
    .array(testResult.omit({ output: true }))
    .optional()
    .describe("What became of each test of a suite"),
});
export type FeedEvent = z.infer<typeof feedEvent>;
