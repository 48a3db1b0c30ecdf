select artifact_no as cursor_key, run_id, task_id, attempt, name, sha256, size_bytes, content_type
from artifacts
where ($cursor is null or artifact_no > $cursor)
  and ($run_id is null or run_id = $run_id)
  and ($task_id is null or task_id = $task_id)
  and ($sha256 is null or sha256 = $sha256)
order by artifact_no limit $limit
