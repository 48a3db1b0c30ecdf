-- What is known of each of some tests, from the last 50 times that it ran. Code is the same where its digest is, and within a run. Tests go by their place
-- in the request: numbers are grouped faster than names. A file stands for the tests of it that ran in one of its last 5 runs, together: it takes as long as
-- all of them, and did not pass where one did not.
with given as (
  select unnest(ids) as test_id, generate_subscripts(ids, 1) as test from (select from_json($ids, '["varchar"]') as ids)
), wanted as (
  select test_id, min(test) as home from given group by test_id
), told as (
  select home, tests.test_id, run_id, test_no from tests join wanted on file = wanted.test_id
  where framework = $framework and directory = $directory and outcome <> 'not_run'
), lately as (
  select home, run_id from told group by home, run_id qualify row_number() over (partition by home order by max(test_no) desc) <= 5
), parts as (
  select home, test_id from wanted union select home, test_id from told join lately using (home, run_id)
), numbered as (
  select home, test_id, row_number() over () as test from parts
), ran as (
  select test, test_no, outcome, retries, duration_seconds, machine_class, coalesce(workspace, run_id) as code
  from tests join numbered using (test_id)
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
select any_value(wanted.test_id) as test_id,
  coalesce(min(last_outcome) filter (where is_test_failure(last_outcome)), min(last_outcome)) as last_outcome,
  max(last_count) as last_count, max(last_failures) as last_failures, sum(expected_seconds) as expected_seconds,
  coalesce(sum(passes), 0) as passes, coalesce(sum(failures), 0) as failures, coalesce(sum(codes), 0) as codes,
  coalesce(sum(differing_codes), 0) as differing_codes, coalesce(sum(passes_after_retries), 0) as passes_after_retries
from latest join numbered using (test) join wanted using (home) left join evidence using (test) left join durations using (test)
group by home
