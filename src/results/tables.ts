import type { ColumnKind } from "./table-rows.ts";

/** The tables that the projection writes, in the order of their columns in the migrations. */
export const tables = {
  worker_nodes: [
    "text",
    "text",
    "text",
    "time",
    "time",
    "text",
    "int",
    "text",
    "text",
    "text",
    "text",
    "boolean",
    "text",
    "time",
  ],
  runs: ["bigint", "text", "text", "text", "text", "time", "time"],
  distributed_tasks: [
    "bigint",
    "text",
    "text",
    "text",
    "int",
    "text",
    "text",
    "time",
    "time",
    "time",
    "text",
    "int",
    "text",
    "text",
    "text",
    "text",
  ],
  task_execution_history: [
    "bigint",
    "text",
    "text",
    "text",
    "int",
    "text",
    "text",
    "time",
    "time",
    "time",
    "double",
    "text",
    "text",
    "text",
  ],
  results: [
    "bigint",
    "text",
    "text",
    "int",
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "double",
    "time",
    "text",
    "text",
    "text",
    "boolean",
    "text",
    "text",
    "text",
    "boolean",
    "text",
    "text",
    "double",
    "text",
  ],
  metrics: ["bigint", "text", "text", "int", "text", "text", "int", "text", "double", "text"],
  artifacts: ["bigint", "text", "text", "int", "text", "text", "bigint", "text"],
  tests: [
    "bigint",
    "text",
    "text",
    "int",
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "double",
    "int",
    "boolean",
    "text",
    "text",
    "text",
    "time",
  ],
} as const satisfies Record<string, readonly ColumnKind[]>;
export type Table = keyof typeof tables;

/** Changes of rows that are stored already: temporary tables that one update each is joined with. */
export const staging = {
  staged_workers: ["text"],
  staged_runs: ["bigint", "text", "time"],
  staged_tasks: ["bigint", "text", "text", "time", "time", "text", "int"],
  staged_attempts: ["bigint", "text", "time", "time", "double", "text", "text", "text"],
} as const satisfies Record<string, readonly ColumnKind[]>;
export type Staging = keyof typeof staging;

export const createStaging = `
create temp table staged_workers (worker_id varchar);
create temp table staged_runs (run_no bigint, state varchar, end_time timestamp);
create temp table staged_tasks (task_no bigint, status varchar, failure_class varchar, start_time timestamp, end_time timestamp, worker_id varchar, attempts integer);
create temp table staged_attempts (id bigint, status varchar, start_time timestamp, end_time timestamp, execution_time_seconds double, error_message varchar, failure varchar, hardware_metrics varchar);
`;

export const applyStaging: Record<Staging, string> = {
  // Few and small: they are written anew.
  staged_workers: "delete from worker_nodes where worker_id in (select worker_id from staged_workers)",
  staged_runs: "update runs set state = s.state, end_time = s.end_time from staged_runs s where runs.run_no = s.run_no",
  staged_tasks: `update distributed_tasks set status = s.status, failure_class = s.failure_class, start_time = s.start_time, end_time = s.end_time,
    worker_id = s.worker_id, attempts = s.attempts from staged_tasks s where distributed_tasks.task_no = s.task_no`,
  staged_attempts: `update task_execution_history set status = s.status, start_time = s.start_time, end_time = s.end_time,
    execution_time_seconds = s.execution_time_seconds, error_message = s.error_message, failure = s.failure, hardware_metrics = s.hardware_metrics
    from staged_attempts s where task_execution_history.id = s.id`,
};
