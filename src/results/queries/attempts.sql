select
  id as cursor_key, id as lease_seq, run_id, task_id, attempt, worker_id, status, hardware,
  epoch_ms(lease_time) as lease_ms, epoch_ms(start_time) as start_ms, epoch_ms(end_time) as end_ms, execution_time_seconds, failure
from task_execution_history
where ($cursor is null or id > $cursor)
  and ($run_id is null or run_id = $run_id)
  and ($task_id is null or task_id = $task_id)
  and ($worker_id is null or worker_id = $worker_id)
  and ($status is null or status = $status)
order by id limit $limit
