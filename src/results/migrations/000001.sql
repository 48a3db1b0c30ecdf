-- Columns of the first design, and ours. No foreign keys: DuckDB turns an update of a referenced row into delete and insert, which the constraint then
-- refuses. No primary keys on large tables: their indexes cost more than all else, and the projection writes each row once by construction.

create table worker_nodes (
  worker_id varchar not null,
  name varchar not null,
  hostname varchar,
  registration_time timestamp not null,
  last_heartbeat timestamp,
  status varchar not null,
  slots integer not null,
  capabilities json not null,
  hardware_metrics json,
  tags json not null,
  incarnation varchar not null,
  draining boolean not null,
  -- Why it gets health checks only.
  quarantine json,
  -- Until when one that kept reconnecting gets no new work.
  held_until timestamp
);

create table runs (
  run_no bigint not null,
  run_id varchar not null,
  name varchar not null,
  state varchar not null,
  submitted_by varchar not null,
  create_time timestamp not null,
  end_time timestamp
);

create table distributed_tasks (
  task_no bigint not null,
  run_id varchar not null,
  task_id varchar not null,
  type varchar not null,
  priority integer not null,
  status varchar not null,
  failure_class varchar,
  create_time timestamp not null,
  start_time timestamp,
  end_time timestamp,
  worker_id varchar,
  attempts integer not null,
  model varchar,
  config json not null using compression zstd,
  requirements json not null using compression zstd,
  spec json not null using compression zstd
);

-- One row for each attempt; id is the journal sequence that granted its lease.
create table task_execution_history (
  id bigint not null,
  run_id varchar not null,
  task_id varchar not null,
  worker_id varchar not null,
  attempt integer not null,
  status varchar not null,
  hardware varchar,
  lease_time timestamp not null,
  start_time timestamp,
  end_time timestamp,
  execution_time_seconds double,
  error_message varchar,
  failure json,
  hardware_metrics json
);

-- One row for each accepted result; result_no is the journal sequence that accepted it.
create table results (
  result_no bigint not null,
  run_id varchar not null,
  task_id varchar not null,
  attempt integer not null,
  worker_id varchar not null,
  type varchar not null,
  status varchar not null,
  model varchar,
  precision varchar,
  -- What its task asked for, or the worker chose; and what ran most of the model.
  backend varchar,
  observed_backend varchar,
  hardware varchar,
  device varchar,
  execution_time_seconds double not null,
  end_time timestamp not null,
  hardware_metrics json not null,
  results json not null using compression zstd,
  provenance_kind varchar,
  provenance_proven boolean,
  provenance json,
  failure_class varchar,
  failure json,
  -- What an attempt had made when it was ended before its own end, how it was kept apart, and what was done about failures within it.
  partial boolean not null,
  isolation json,
  recovery json not null,
  -- What its worker cost then.
  price_per_hour double,
  currency varchar
);

create table metrics (
  result_no bigint not null,
  run_id varchar not null,
  task_id varchar not null,
  attempt integer not null,
  model varchar,
  hardware varchar,
  batch_size integer,
  name varchar not null,
  value double not null,
  unit varchar not null
);

create table artifacts (
  artifact_no bigint not null,
  run_id varchar not null,
  task_id varchar not null,
  attempt integer not null,
  name varchar not null,
  sha256 varchar not null,
  size_bytes bigint not null,
  content_type varchar not null
);

-- One row for each test of an accepted result: what became of it in one attempt of its task.
create table tests (
  test_no bigint not null,
  run_id varchar not null,
  task_id varchar not null,
  attempt integer not null,
  worker_id varchar not null,
  machine_class varchar,
  framework varchar not null,
  directory varchar not null,
  -- The digest of the files that it ran on; null where they are a folder in place, which may change at any time.
  workspace varchar,
  test_id varchar not null,
  file varchar,
  outcome varchar not null,
  duration_seconds double not null,
  -- Tries before this one within the attempt, all of which did not pass.
  retries integer not null,
  muted boolean not null,
  message varchar,
  output varchar,
  libraries json,
  end_time timestamp not null
);

-- How far the rows go: one row, written in the same transaction as the rows.
create table projection (applied_event_seq bigint not null, applied_batch_seq bigint not null);
insert into projection values (0, 0);

-- What a task with a model came to: the last of its results, and which of its cell (model, precision, backend) it is: 1 is the newest. Beside what
-- was measured it says what there is now, the file of the model and the worker's version of the runtime: a cell may be out of date.
create view matrix_history as
with last as (
  select *, results->'model'->>'sha256' as model_sha256, results->'runtime'->>'version' as runtime_version
  from results
  where model is not null and backend is not null and status <> 'cancelled'
  qualify row_number() over (partition by run_id, task_id order by result_no desc) = 1
), figures as (
  select result_no, batch_size,
    max(value) filter (where name = 'latency_ms_p50') as p50_ms,
    max(value) filter (where name = 'latency_ms_p95') as p95_ms,
    max(value) filter (where name = 'throughput_items_per_second') as items_per_second,
    max(value) filter (where name = 'batch_peak_memory_mb') as memory_mb,
    max(value) filter (where name = 'iterations') as n,
    max(value) filter (where name = 'latency_spread') as spread,
    max(value) filter (where name = 'cpu_utilization_percent') as cpu_utilization_percent,
    max(value) filter (where name = 'gpu_utilization_percent') as gpu_utilization_percent,
    max(value) filter (where name = 'cpu_power_w') as cpu_power_w,
    max(value) filter (where name = 'gpu_power_w') as gpu_power_w,
    max(value) filter (where name = 'power_w') as power_w,
    max(value) filter (where name = 'energy_j_per_item') as energy_j_per_item
  from metrics where batch_size is not null group by all
), batches as (
  select result_no, to_json(list(struct_pack(
    batch_size, p50_ms, p95_ms, items_per_second, memory_mb, n, spread,
    cpu_utilization_percent, gpu_utilization_percent, cpu_power_w, gpu_power_w, power_w, energy_j_per_item
  ) order by batch_size)) as batches
  from figures group by result_no
), runtimes as (
  select worker_id, runtime->>'backend' as backend, runtime->>'version' as version
  from (select worker_id, unnest(from_json(capabilities->'runtimes', '["json"]')) as runtime from worker_nodes)
  where (runtime->>'available')::boolean
)
select
  last.model, last.precision, last.backend,
  row_number() over (partition by last.model, last.precision, last.backend order by last.result_no desc) as age,
  last.run_id, last.task_id, last.worker_id, last.end_time, last.status, last.hardware, last.observed_backend, last.device,
  task.config->>'sequence_length' as sequence_length,
  coalesce(batches.batches, '[]'::json) as batches, last.results->'unmeasured' as unmeasured,
  last.provenance, last.failure, last.recovery, last.price_per_hour, last.currency,
  last.model_sha256, arg_max(last.model_sha256, last.result_no) over (partition by last.model, last.precision) as model_sha256_now,
  last.runtime_version, runtimes.version as runtime_version_now
from last
join distributed_tasks task using (run_id, task_id)
left join batches on batches.result_no = last.result_no
left join runtimes on runtimes.worker_id = last.worker_id and runtimes.backend = last.backend;

-- The newest result of each model in each precision on each backend, by batch size. A failed one has a row without a batch size.
create view matrix as
with newest as (
  select * from results
  where model is not null and hardware is not null
  qualify row_number() over (partition by model, precision, backend, hardware order by result_no desc) = 1
)
select
  newest.model, newest.precision, newest.backend, newest.observed_backend, newest.hardware, newest.device, metrics.batch_size, newest.status,
  max(value) filter (where metrics.name = 'latency_ms_p50') as p50_ms,
  max(value) filter (where metrics.name = 'latency_ms_p95') as p95_ms,
  max(value) filter (where metrics.name = 'throughput_items_per_second') as throughput_items_per_second,
  max(value) filter (where metrics.name = 'batch_peak_memory_mb') as memory_mb_peak,
  max(value) filter (where metrics.name = 'iterations') as n,
  max(value) filter (where metrics.name = 'cpu_utilization_percent') as cpu_utilization_percent,
  max(value) filter (where metrics.name = 'gpu_utilization_percent') as gpu_utilization_percent,
  max(value) filter (where metrics.name = 'power_w') as power_w,
  max(value) filter (where metrics.name = 'energy_j_per_item') as energy_j_per_item,
  newest.price_per_hour, newest.currency,
  newest.provenance_kind, newest.provenance_proven,
  newest.failure_class, newest.failure->>'reason' as failure_reason, newest.failure->>'message' as failure_message,
  newest.worker_id, newest.end_time, newest.run_id, newest.task_id
from newest
left join metrics on metrics.result_no = newest.result_no and metrics.batch_size is not null
group by all
order by newest.model, newest.precision, newest.backend, newest.hardware, metrics.batch_size;

create view results_wide as
select results.*, metrics.name as metric, metrics.batch_size, metrics.value, metrics.unit
from results left join metrics using (result_no);

create view pass_rates as
select model, precision, backend, hardware, count(*) as n,
  count(*) filter (where status = 'completed') as passed,
  count(*) filter (where failure_class = 'assertion') as failed,
  count(*) filter (where status <> 'completed' and coalesce(failure_class, '') <> 'assertion') as errors,
  count(*) filter (where status = 'completed') / count(*) as pass_rate
from results group by model, precision, backend, hardware;

create view slowest as
select run_id, task_id, attempt, worker_id, model, precision, backend, hardware, execution_time_seconds from results order by execution_time_seconds desc;

create view recoveries as
select result_no, run_id, task_id, attempt, worker_id, model, precision, backend, hardware, status,
  step->>'strategy' as strategy, step->>'class' as failure_class, step->>'reason' as reason,
  step->>'message' as message, (step->>'succeeded')::boolean as succeeded, end_time
from (select *, unnest(from_json(recovery, '["json"]')) as step from results);

-- What it cost that a task ran on another platform than the first it asked for: against the newest result of the model there before, in the same
-- precision and at the same batch size. The backends say what was compared.
create view fallback_impact as
with fallen as (
  select results.*, tasks.requirements->'hardware'->>0 as wanted_hardware
  from results join distributed_tasks tasks using (run_id, task_id)
  where contains(results.recovery::varchar, '"fallback_hardware"')
), speed as (
  select result_no, batch_size, value as p50_ms from metrics where name = 'latency_ms_p50' and batch_size is not null
)
select fallen.result_no, fallen.run_id, fallen.task_id, fallen.model, fallen.precision,
  fallen.wanted_hardware, before.backend as wanted_backend, fallen.hardware, fallen.backend,
  here.batch_size, here.p50_ms, before.p50_ms as wanted_p50_ms, here.p50_ms / before.p50_ms as times_slower
from fallen
join speed here on here.result_no = fallen.result_no
left join lateral (
  select past.backend, speed.p50_ms from results past join speed on speed.result_no = past.result_no
  where past.model = fallen.model and past.precision = fallen.precision and past.hardware = fallen.wanted_hardware
    and past.result_no < fallen.result_no and speed.batch_size = here.batch_size
  order by past.result_no desc limit 1
) before on true;

create macro is_test_failure(outcome) as outcome in ('failed', 'error', 'crashed', 'timed_out');

-- What became of each test of a task in the end, with all tries before that did not pass. An attempt that did not come to a test says nothing of it; of two
-- tests with one name the worse one counts. A test that a run repeats is in several of its tasks.
create view test_history as
select * replace (
  (sum(retries + is_test_failure(outcome)::integer) over tries - is_test_failure(outcome)::integer)::integer as retries
)
from tests
window tries as (partition by framework, directory, test_id, run_id, task_id)
qualify row_number() over (
  partition by framework, directory, test_id, run_id, task_id
  order by outcome = 'not_run', attempt desc, is_test_failure(outcome) desc, test_no desc
) = 1;

-- How long a test takes where it passes: the median of the last 20 times on each class of machine.
create view test_durations as
with recent as (
  select * from tests where outcome = 'passed'
  qualify row_number() over (partition by framework, directory, test_id, machine_class order by test_no desc) <= 20
)
select framework, directory, test_id, machine_class, median(duration_seconds) as seconds, count(*) as n
from recent group by framework, directory, test_id, machine_class;
