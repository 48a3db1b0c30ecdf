-- What each of some tests has shown since a place in the journal, of the last times that it ran. Tests go by their place in the request.
with given as (
  select unnest(list) as test, generate_subscripts(list, 1) as place
  from (select from_json($tests, '[{"framework": "varchar", "directory": "varchar", "test_id": "varchar", "since_no": "bigint"}]') as list)
), recent as (
  select place, outcome, retries
  from tests join given
    on tests.framework = test.framework and tests.directory = test.directory and tests.test_id = test.test_id and test_no >= test.since_no
  where outcome = 'passed' or is_test_failure(outcome)
  qualify row_number() over (partition by place order by test_no desc) <= $most
)
select place, count(*) as runs, count(*) filter (where outcome = 'passed') as passes, sum(retries + is_test_failure(outcome)::integer) as failures
from recent group by place
