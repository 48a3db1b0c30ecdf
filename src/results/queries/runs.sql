select
  run_no as cursor_key, run_id, name, state, submitted_by, epoch_ms(create_time) as create_ms, epoch_ms(end_time) as end_ms,
  coalesce(c.total, 0) as total, coalesce(c.waiting, 0) as waiting, coalesce(c.running, 0) as running, coalesce(c.completed, 0) as completed,
  coalesce(c.failed, 0) as failed, coalesce(c.error, 0) as error, coalesce(c.cancelled, 0) as cancelled, coalesce(c.skipped, 0) as skipped
from (
  select * from runs
  where ($cursor is null or run_no < $cursor)
    and ($run_id is null or run_id = $run_id)
    and ($state is null or state = $state)
    and ($name is null or name = $name)
  order by run_no desc limit $limit
) r
left join (
  select run_id,
    count(*) as total,
    count(*) filter (where status in ('blocked', 'queued')) as waiting,
    count(*) filter (where status in ('leased', 'running')) as running,
    count(*) filter (where status = 'completed') as completed,
    count(*) filter (where status = 'failed' and failure_class = 'assertion') as failed,
    count(*) filter (where status = 'failed' and failure_class is distinct from 'assertion') as error,
    count(*) filter (where status = 'cancelled') as cancelled,
    count(*) filter (where status = 'skipped') as skipped
  from distributed_tasks group by run_id
) c using (run_id)
order by run_no desc
