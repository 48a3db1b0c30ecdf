-- What is known of each of some tests, from the last 100 times that it ran. Code is the same where its digest is, and within a run.
with wanted as (
  select distinct unnest(from_json($ids, '["varchar"]')) as test_id
), recent as (
  select *, coalesce(workspace, run_id) as code, row_number() over (partition by test_id order by test_no desc) as place
  from tests semi join wanted using (test_id)
  where framework = $framework and directory = $directory and outcome <> 'not_run'
  qualify place <= 100
), codes as (
  select test_id, code,
    count(*) filter (where outcome = 'passed') as passes,
    sum(retries + is_test_failure(outcome)::integer) as failures,
    count(*) filter (where outcome = 'passed' and retries > 0) as passes_after_retries
  from recent where outcome = 'passed' or is_test_failure(outcome)
  group by test_id, code
), evidence as (
  select test_id, sum(passes) as passes, sum(failures) filter (where passes > 0) as failures, count(*) filter (where passes > 0) as codes,
    count(*) filter (where passes > 0 and failures > 0) as differing_codes, sum(passes_after_retries) as passes_after_retries
  from codes group by test_id
), latest as (
  select test_id, arg_max(outcome, test_no) as last_outcome, count(*) filter (where place <= 10) as last_count,
    count(*) filter (where place <= 10 and is_test_failure(outcome)) as last_failures
  from recent group by test_id
), durations as (
  select test_id, median(seconds) as expected_seconds from test_durations
  where framework = $framework and directory = $directory group by test_id
)
select latest.*, expected_seconds, coalesce(passes, 0) as passes, coalesce(failures, 0) as failures, coalesce(codes, 0) as codes,
  coalesce(differing_codes, 0) as differing_codes, coalesce(passes_after_retries, 0) as passes_after_retries
from latest left join evidence using (test_id) left join durations using (test_id)
