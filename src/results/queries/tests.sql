select
  test_no as cursor_key, run_id, task_id, attempt, worker_id, machine_class, framework, directory, workspace, test_id, file, outcome, duration_seconds,
  retries, muted, message, output, libraries, epoch_ms(end_time) as end_ms
from tests
where ($cursor is null or test_no > $cursor)
  and ($run_id is null or run_id = $run_id)
  and ($task_id is null or task_id = $task_id)
  and ($framework is null or framework = $framework)
  and ($test_id is null or test_id = $test_id)
  and ($outcome is null or outcome = $outcome)
order by test_no limit $limit
