-- What is known of each of some tests, from the last 50 times that it ran. Code is the same where its digest is, and within a run. Tests go by their place
-- in the request: numbers are grouped faster than names.
with given as (
  select unnest(ids) as test_id, generate_subscripts(ids, 1) as test from (select from_json($ids, '["varchar"]') as ids)
), wanted as (
  select test_id, min(test) as test from given group by test_id
), ran as (
  select test, test_no, outcome, retries, duration_seconds, machine_class, coalesce(workspace, run_id) as code
  from tests join wanted using (test_id)
  where framework = $framework and directory = $directory and outcome <> 'not_run'
), recent as (
  select *, row_number() over (partition by test order by test_no desc) as place from ran qualify place <= 50
), codes as (
  select test, code,
    count(*) filter (where outcome = 'passed') as passes,
    sum(retries + is_test_failure(outcome)::integer) as failures,
    count(*) filter (where outcome = 'passed' and retries > 0) as passes_after_retries
  from recent where outcome = 'passed' or is_test_failure(outcome)
  group by test, code
), evidence as (
  select test, sum(passes) as passes, sum(failures) filter (where passes > 0) as failures, count(*) filter (where passes > 0) as codes,
    count(*) filter (where passes > 0 and failures > 0) as differing_codes, sum(passes_after_retries) as passes_after_retries
  from codes group by test
), latest as (
  select test, arg_max(outcome, test_no) as last_outcome, count(*) filter (where place <= 10) as last_count,
    count(*) filter (where place <= 10 and is_test_failure(outcome)) as last_failures
  from recent group by test
), durations as (
  select test, median(seconds) as expected_seconds
  from (select test, median(duration_seconds) as seconds from recent where outcome = 'passed' group by test, machine_class)
  group by test
)
select test_id, latest.* exclude (test), expected_seconds, coalesce(passes, 0) as passes, coalesce(failures, 0) as failures, coalesce(codes, 0) as codes,
  coalesce(differing_codes, 0) as differing_codes, coalesce(passes_after_retries, 0) as passes_after_retries
from latest join wanted using (test) left join evidence using (test) left join durations using (test)
