import { describe, expect, test } from "vitest";
import { asRunId } from "../base/index.ts";
import { resultDocument } from "../contracts/index.ts";
import type { JournalEvent, ResultDocumentInput } from "../contracts/index.ts";
import { registered, ResultsFolder, specs, Story, story, suite } from "./results-acceptance.ts";

const folder = new ResultsFolder();
type Tests = NonNullable<ResultDocumentInput["tests"]>;
const ask = (...test_ids: string[]) => ({ framework: "pytest" as const, directory: "py", test_ids });
const broken = (tests: Tests): Partial<ResultDocumentInput> => ({
  status: "failed",
  failure: { class: "assertion", message: "no" },
  tests,
});

/** One run of a suite with one task for each list of results. */
function ran(root: string | undefined, ...tasks: Tests[]): Story {
  const made = new Story();
  made.add(registered);
  made.add(specs(...tasks.map((_, index) => suite(`s${index}`, root))));
  for (const [index, tests] of tasks.entries()) made.attempt(`s${index}`, 1, { tests });
  return made;
}

describe("results of tests", () => {
  test("are listed as they were reported, with where they ran", async () => {
    const one = await folder.of(story());
    const { items } = await one.tests({ limit: 10, run_id: "r1" });
    const where = {
      ...{ run_id: "r1", task_id: "s", attempt: 1, worker_id: "w1", machine_class: "c 1" },
      ...{ framework: "pytest", directory: "py", workspace: "a".repeat(64), end_time: "2023-11-14T22:13:22.000Z" },
    };
    const nothing = { file: null, message: null, output: null, libraries: null, muted: false, retries: 0 };
    expect(items).toEqual([
      // Without NUL, which no database of text keeps.
      ...[{ ...where, ...nothing, test_id: "t.py::one[\u{1f389}\n]", file: "t.py", outcome: "passed" }].map((row) => ({
        ...row,
        ...{ duration_seconds: 0.5, retries: 1 },
      })),
      {
        ...{ ...where, ...nothing, test_id: "t.py::two", outcome: "failed", duration_seconds: 0, message: "no" },
        ...{ output: "out", muted: true, libraries: { torch: "mocked" } },
      },
    ]);
    const failed = await one.tests({ limit: 10, outcome: "failed" });
    expect(failed.items.map(({ test_id }) => test_id)).toEqual(["t.py::two"]);
    const named = await one.tests({ limit: 10, test_id: "t.py::one\0[\u{1f389}\n]" });
    expect(named.items).toHaveLength(1);
    const first = await one.tests({ limit: 1 });
    const second = await one.tests({ limit: 1, cursor: first.next_cursor ?? "" });
    expect([...first.items, ...second.items]).toEqual(items);
  });

  test("a file is known by its tests: it takes as long as all of them, and did not pass where one did not", async () => {
    const of = (id: string, outcome: "passed" | "failed", duration_seconds: number) => {
      return { id: `a.js > ${id}`, file: "a.js", outcome, duration_seconds };
    };
    const one = await folder.of(ran("a", [of("one", "passed", 1), of("two", "passed", 2)], [of("three", "failed", 4)]));
    expect(await one.knownTests(ask("a.js", "a.js > one", "b.js"))).toMatchObject([
      { test_id: "a.js", expected_seconds: 3, last_outcome: "failed", last_failures: 1 },
      { test_id: "a.js > one", expected_seconds: 1, last_outcome: "passed" },
    ]);
  });

  test("the history tells how each ended: passing on a later attempt is passing with retries, not_run says nothing", async () => {
    const made = new Story();
    made.add(registered);
    made.add(specs(suite("s", "a")));
    made.attempt("s", 1, null);
    const lease = made.add({
      ...{ type: "attempt_leased", runId: asRunId("r1"), taskId: "s", attempt: 2, workerId: "w1", hardware: "cpu" },
    } as JournalEvent);
    const first: Tests = [
      { id: "a", outcome: "failed", retries: 1 },
      { id: "b", outcome: "passed" },
      { id: "c", outcome: "passed", retries: 2 },
      { id: "twice", outcome: "failed" },
      { id: "twice", outcome: "passed" },
    ];
    made.add(partialEnd(lease, first));
    made.attempt("s", 3, {
      tests: [
        { id: "a", outcome: "passed" },
        { id: "b", outcome: "not_run" },
        { id: "c", outcome: "passed" },
      ],
    });
    const one = await folder.of(made);
    const { rows } = await one.sql("select test_id, attempt, outcome, retries from test_history order by test_id", 10);
    expect(rows).toEqual([
      ["a", 3, "passed", 2],
      ["b", 2, "passed", 0],
      ["c", 3, "passed", 2],
      ["twice", 2, "failed", 0],
    ]);
  });

  test("durations are medians, which one slow time does not move", async () => {
    const times = [1, 1.1, 0.9, 60, 1];
    const one = await folder.of(
      ran("a", ...times.map((duration_seconds): Tests => [{ id: "t", outcome: "passed", duration_seconds }])),
    );
    expect((await one.sql("select test_id, machine_class, seconds, n from test_durations", 10)).rows).toEqual([
      ["t", "c 1", 1, "5"],
    ]);
  });
});

describe("what is known of tests", () => {
  test("is told of those that ran: time, last outcome, failures, and whether they are flaky", async () => {
    const steady: Tests[number] = { id: "steady", outcome: "passed", duration_seconds: 2 };
    const made = ran(
      "a",
      [steady, { id: "flaky", outcome: "passed", retries: 1 }, { id: "broken", outcome: "failed" }],
      [steady, { id: "flaky", outcome: "failed" }, { id: "broken", outcome: "crashed" }],
    );
    const one = await folder.of(made);
    const [first, ...rest] = await one.knownTests(ask("broken", "never", "flaky", "steady"));
    expect(first).toMatchObject({
      ...{ test_id: "broken", expected_seconds: null, last_outcome: "crashed", last_count: 2, last_failures: 2 },
      // On a code on which a test never passes, the code may be broken.
      evidence: { passes: 0, failures: 0, codes: 0, differing_codes: 0 },
    });
    expect(first?.flaky_probability).toBeCloseTo(0.16);
    expect(rest).toMatchObject([
      {
        ...{ test_id: "flaky", last_outcome: "failed", last_failures: 1 },
        evidence: { passes: 1, failures: 2, codes: 1, differing_codes: 1, passes_after_retries: 1 },
      },
      {
        ...{ test_id: "steady", expected_seconds: 2, last_outcome: "passed", last_failures: 0 },
        evidence: { passes: 2, failures: 0, codes: 1, differing_codes: 0, passes_after_retries: 0 },
      },
    ]);
    expect(rest[0]?.flaky_probability).toBeGreaterThan(0.95);
    expect(rest[1]?.flaky_probability).toBeLessThan(0.16);
    expect(await one.knownTests({ ...ask("steady"), directory: "." })).toEqual([]);
    expect(await one.knownTests({ ...ask("steady"), framework: "jest" })).toEqual([]);
  });

  test("a test that failed and then passed on other files is not flaky for that", async () => {
    const made = new Story();
    made.add(registered);
    made.add(specs(suite("old", "a"), suite("new", "b")));
    made.attempt("old", 1, broken([{ id: "t", outcome: "failed" }]));
    made.attempt("new", 1, { tests: [{ id: "t", outcome: "passed" }] });
    const [known] = await (await folder.of(made)).knownTests(ask("t"));
    expect(known?.evidence).toMatchObject({ passes: 1, failures: 0, codes: 1, differing_codes: 0 });
  });

  test("is found by any name that a test may have", async () => {
    const names = ['"', "\\", "\0", "\ud800", "[]", "a\nb", "\u{1f389}", "x".repeat(4_096)];
    const made = ran(
      undefined,
      names.map((id) => ({ id, outcome: "passed" })),
    );
    const known = await (await folder.of(made)).knownTests(ask(...names.filter((name) => name !== "\0")));
    expect(known.map(({ test_id }) => test_id)).toEqual(names.filter((name) => name !== "\0"));
  });
});

describe("what tests have shown since", () => {
  const since = (testId: string, sinceSeq: number) => ({
    test: { framework: "pytest" as const, directory: "py", testId },
    sinceSeq,
  });

  test("is counted from an event on, retries and failures on any code, and nothing that says nothing", async () => {
    const made = ran("a", [
      { id: "t", outcome: "failed" },
      { id: "other\0[\u{1f389}\n]", outcome: "passed" },
    ]);
    const muted = { muteId: "m", owner: "o", reason: "r", untilMs: null, by: "me" };
    const seq = made.add({ type: "test_muted", test: since("t", 0).test, ...muted });
    made.add(specs(suite("s", "b")));
    made.attempt("s", 1, {
      tests: [
        { id: "t", outcome: "passed", retries: 2 },
        { id: "t", outcome: "crashed" },
        { id: "t", outcome: "skipped" },
        { id: "t", outcome: "not_run" },
        { id: "broken", outcome: "timed_out" },
      ],
    });
    const one = await folder.of(made);
    const asked = [since("t", seq), since("other\0[\u{1f389}\n]", 0), since("broken", seq), since("t", seq + 99)];
    const nothing = { runs: 0, passes: 0, failures: 0, flaky_probability: 0.16 };
    expect(
      await one.evidenceSince([...asked, { ...since("t", 0), test: { ...since("t", 0).test, directory: "." } }]),
    ).toMatchObject([
      { runs: 2, passes: 1, failures: 3 },
      { runs: 1, passes: 1, failures: 0 },
      { runs: 1, passes: 0, failures: 1 },
      { ...nothing, flaky_probability: expect.closeTo(0.16) as number },
      { ...nothing, flaky_probability: expect.closeTo(0.16) as number },
    ]);
    expect((await one.evidenceSince([since("t", 0)]))[0]).toMatchObject({ runs: 3, failures: 4 });
  });

  test("is of the last 100 times that it ran", async () => {
    const passes = (id: string, length: number): Tests => Array.from({ length }, () => ({ id, outcome: "passed" }));
    const failed = ["few", "enough"].map((id): Tests[number] => ({ id, outcome: "failed" }));
    const one = await folder.of(ran("a", failed, passes("few", 99), passes("enough", 100)));
    expect(await one.evidenceSince([since("few", 0), since("enough", 0)])).toMatchObject([
      { runs: 100, passes: 99, failures: 1 },
      { runs: 100, passes: 100, failures: 0 },
    ]);
  });
});

/** The second attempt of the task fails in a way that is tried again, with results of tests. */
function partialEnd(leaseSeq: number, tests: Tests): JournalEvent {
  return {
    ...{ type: "attempt_finished", runId: "r1", taskId: "s", attempt: 2, leaseSeq, workerId: "w1", outcome: "failed" },
    ...{ startedAtMs: 1_700_000_000_000, finishedAtMs: 1_700_000_002_000, digest: "d" },
    failure: { class: "crash", message: "gone" },
    result: resultDocument.parse({
      ...{ task_id: "s", worker_id: "w1", status: "failed", execution_time_seconds: 2, partial: true },
      failure: { class: "crash", message: "gone" },
      tests,
    }),
    after: { state: "queued", notBeforeMs: 0 },
  } as JournalEvent;
}
