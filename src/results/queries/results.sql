select
  result_no as cursor_key, run_id, task_id, attempt, worker_id, status, model, precision, backend, observed_backend, hardware, device, execution_time_seconds,
  epoch_ms(end_time) as end_ms, hardware_metrics, results, provenance, failure,
  coalesce(partial, false) as partial, isolation, recovery
from results
where ($cursor is null or result_no > $cursor)
  and ($run_id is null or run_id = $run_id)
  and ($task_id is null or task_id = $task_id)
  and ($worker_id is null or worker_id = $worker_id)
  and ($model is null or model = $model)
  and ($backend is null or backend = $backend)
  and ($hardware is null or hardware = $hardware)
  and ($status is null or status = $status)
order by result_no limit $limit
