-- Attempts that ended lately by themselves, the newest first, with what their tasks do. Those cancelled or called back say nothing.
select
  recent.run_id, recent.task_id, recent.attempt, recent.worker_id, recent.status, recent.hardware,
  epoch_ms(recent.end_time) as end_ms, recent.failure->>'class' as failure_class,
  task.type, task.model, cast(hash(task.config) as varchar) as work
from (
  select * from task_execution_history
  where end_time >= make_timestamp($since_ms * 1000) and status in ('succeeded', 'failed', 'timed_out', 'lost')
  order by id desc limit $limit
) as recent
join distributed_tasks as task on task.run_id = recent.run_id and task.task_id = recent.task_id
