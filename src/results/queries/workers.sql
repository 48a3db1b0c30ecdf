select
  worker_id as cursor_key, worker_id, name, hostname, status, slots, epoch_ms(registration_time) as registration_ms,
  epoch_ms(last_heartbeat) as heartbeat_ms, capabilities, hardware_metrics, tags,
  quarantine, epoch_ms(held_until) as held_until_ms
from worker_nodes
where ($cursor is null or worker_id > $cursor)
  and ($status is null or status = $status)
  and ($name is null or name = $name)
order by worker_id limit $limit
