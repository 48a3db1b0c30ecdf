-- What was done about failures within the attempt. DuckDB binds the star of a view once, so the view is made again.
alter table results add column recovery json default '[]';

create or replace view results_wide as
select results.*, metrics.name as metric, metrics.batch_size, metrics.value, metrics.unit
from results left join metrics using (result_no);

create view recoveries as
select result_no, run_id, task_id, attempt, worker_id, model, hardware, status,
  step->>'strategy' as strategy, step->>'class' as failure_class, step->>'reason' as reason,
  step->>'message' as message, (step->>'succeeded')::boolean as succeeded, end_time
from (select *, unnest(from_json(recovery, '["json"]')) as step from results);

-- What it cost that a task ran on another platform than the first it asked for: against the newest result there before, by batch size.
create view fallback_impact as
with fallen as (
  select results.*, tasks.requirements->'hardware'->>0 as wanted_hardware
  from results join distributed_tasks tasks using (run_id, task_id)
  where contains(results.recovery::varchar, '"fallback_hardware"')
), speed as (
  select result_no, batch_size, value as p50_ms from metrics where name = 'latency_ms_p50' and batch_size is not null
)
select fallen.result_no, fallen.run_id, fallen.task_id, fallen.model, fallen.wanted_hardware, fallen.hardware,
  here.batch_size, here.p50_ms, before.p50_ms as wanted_p50_ms, here.p50_ms / before.p50_ms as times_slower
from fallen
join speed here on here.result_no = fallen.result_no
left join lateral (
  select speed.p50_ms from results past join speed on speed.result_no = past.result_no
  where past.model = fallen.model and past.hardware = fallen.wanted_hardware
    and past.result_no < fallen.result_no and speed.batch_size = here.batch_size
  order by past.result_no desc limit 1
) before on true;
