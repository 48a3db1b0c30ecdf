select
  task_no as cursor_key, run_id, task_id, type, priority, status, failure_class, attempts, worker_id,
  epoch_ms(create_time) as create_ms, epoch_ms(start_time) as start_ms, epoch_ms(end_time) as end_ms, spec
from distributed_tasks
where ($cursor is null or task_no > $cursor)
  and ($run_id is null or run_id = $run_id)
  and ($task_id is null or task_id = $task_id)
  and ($status is null or status = $status)
  and ($type is null or type = $type)
  and ($worker_id is null or worker_id = $worker_id)
order by task_no limit $limit
