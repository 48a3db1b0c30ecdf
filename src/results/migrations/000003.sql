-- What an attempt had made when it was ended before its own end, and how it was kept apart.
alter table results add column partial boolean;
alter table results add column isolation json;

-- Made anew: it has the columns that its table has.
create or replace view results_wide as
select results.*, metrics.name as metric, metrics.batch_size, metrics.value, metrics.unit
from results left join metrics using (result_no);
