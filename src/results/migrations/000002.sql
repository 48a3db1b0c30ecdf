-- Why a worker gets health checks only, as JSON; and until when one that kept reconnecting gets no new work.

alter table worker_nodes add column quarantine json;
alter table worker_nodes add column held_until timestamp;
