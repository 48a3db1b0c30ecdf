import { readdir } from "node:fs/promises";
import type { PlacedEvent } from "../../src/contracts/index.ts";
import { dataFolder } from "../../src/coordinator/index.ts";
import { placedEvents } from "../../src/coordinator/recent-events.ts";
import { openSqliteFollower } from "../../src/journal/index.ts";
import { openResultsReadOnly } from "../../src/results/index.ts";
import type { Accepted } from "./load.ts";

const PAGE = 64;
const ROWS = 1_000_000;

/** What is wrong, in words, by kind. */
export interface Audit {
  tasks: number;
  attempts: number;
  results: number;
  lost: string[];
  doubled: string[];
  orphans: string[];
}

/**
 * Holds what the client was told against the journal and the results of the stopped coordinator, and against the marks of the
 * commands themselves. It uses neither the scheduler nor its state.
 */
export async function audit(parts: {
  dataDir: string;
  accepted: readonly Accepted[];
  ranFolder: string;
}): Promise<Audit> {
  const found: Audit = { tasks: 0, attempts: 0, results: 0, lost: [], doubled: [], orphans: [] };
  const wanted = new Set(parts.accepted.flatMap(({ runId, taskIds }) => taskIds.map((id) => `${runId}/${id}`)));
  found.tasks = wanted.size;
  const seen = await readJournal(parts.dataDir);
  checkJournal(seen, wanted, found);
  await checkRows(parts.dataDir, wanted, found);
  await checkMarks(parts, seen, found);
  return found;
}

interface Seen {
  submitted: Map<string, number>;
  isModel: Set<string>;
  /** How often a task came to an end. */
  ends: Map<string, string[]>;
  /** Accepted results by attempt, and successes by task. */
  results: Map<string, number>;
  open: Map<number, string>;
  leases: number;
}

async function readJournal(dataDir: string): Promise<Seen> {
  const seen: Seen = {
    submitted: new Map(),
    isModel: new Set(),
    ends: new Map(),
    results: new Map(),
    open: new Map(),
    leases: 0,
  };
  const journal = await openSqliteFollower({ folder: dataFolder(dataDir).journal });
  try {
    for (let next = 1; ;) {
      const batches = await journal.read(next, PAGE);
      for (const batch of batches) for (const placed of placedEvents(batch)) note(seen, placed);
      if (batches.length < PAGE) return seen;
      next += batches.length;
    }
  } finally {
    await journal.close();
  }
}

function note(seen: Seen, { seq, event }: PlacedEvent): void {
  const end = (key: string, state: string): void => void seen.ends.set(key, [...(seen.ends.get(key) ?? []), state]);
  switch (event.type) {
    case "run_submitted":
      for (const task of event.tasks) {
        add(seen.submitted, `${event.runId}/${task.task_id}`);
        if (task.type === "model") seen.isModel.add(`${event.runId}/${task.task_id}`);
      }
      return;
    case "attempt_leased":
      seen.leases += 1;
      seen.open.set(seq, `${event.runId}/${event.taskId}`);
      return;
    case "task_skipped":
      return end(`${event.runId}/${event.taskId}`, "skipped");
    case "attempt_finished": {
      const key = `${event.runId}/${event.taskId}`;
      seen.open.delete(event.leaseSeq);
      if (event.result) add(seen.results, `${key}#${event.attempt}`);
      const { state } = event.after;
      if (state === "completed" || state === "failed" || state === "cancelled") end(key, state);
      return;
    }
    default:
      return;
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function checkJournal(seen: Seen, wanted: ReadonlySet<string>, found: Audit): void {
  found.attempts = seen.leases;
  found.results = seen.results.size;
  for (const key of wanted) {
    if (!seen.submitted.has(key)) found.lost.push(`${key} was accepted and is not in the journal`);
    else if (!seen.ends.has(key)) found.lost.push(`${key} has no end in the journal`);
  }
  for (const [key, count] of seen.submitted) {
    if (count > 1) found.doubled.push(`${key} was submitted ${count} times`);
    if (!wanted.has(key)) found.doubled.push(`${key} was submitted, but nobody was told so`);
  }
  for (const [key, states] of seen.ends) if (states.length > 1) found.doubled.push(`${key} ended as ${states.join()}`);
  for (const [key, count] of seen.results) if (count > 1) found.doubled.push(`${key} has ${count} results`);
  for (const [seq, key] of seen.open) found.orphans.push(`lease ${seq} of ${key} never ended`);
}

async function checkRows(dataDir: string, wanted: ReadonlySet<string>, found: Audit): Promise<void> {
  const results = await openResultsReadOnly({ path: dataFolder(dataDir).results });
  const rows = async (sql: string): Promise<string[][]> =>
    (await results.sql(sql, ROWS)).rows.map((row) => row.map(String));
  try {
    const tasks = new Map(
      (await rows("select run_id || '/' || task_id, status from distributed_tasks")).map(([key = "", status = ""]) => [
        key,
        status,
      ]),
    );
    for (const key of wanted) {
      const status = tasks.get(key) ?? "missing";
      const isOver = ["completed", "failed", "cancelled", "skipped"].includes(status);
      if (!isOver) found.lost.push(`${key} is ${status} in the results`);
    }
    for (const [key] of await rows(
      "select run_id || '/' || task_id from distributed_tasks group by 1 having count(*) > 1",
    ))
      found.doubled.push(`${key} has two rows`);
    const twice = "select run_id || '/' || task_id || '#' || attempt from results group by 1 having count(*) > 1";
    for (const [key] of await rows(twice)) found.doubled.push(`${key} has two rows of results`);
    const completed =
      "select run_id || '/' || task_id from results where status = 'completed' group by 1 having count(*) > 1";
    for (const [key] of await rows(completed)) found.doubled.push(`${key} succeeded twice`);
    const without =
      "select t.run_id || '/' || t.task_id from distributed_tasks t anti join results r using (run_id, task_id) where t.status = 'completed'";
    for (const [key] of await rows(without)) found.lost.push(`${key} is completed without a result`);
    const open = "select id from task_execution_history where status in ('leased', 'running')";
    for (const [id] of await rows(open)) found.orphans.push(`attempt ${id} is under way in the results`);
    const [[attempts] = []] = await rows("select count(*) from task_execution_history");
    if (Number(attempts) !== found.attempts) found.lost.push(`${attempts} of ${found.attempts} attempts have a row`);
  } finally {
    await results.close();
  }
}

/** A command that is said to have completed has run. */
async function checkMarks(
  { accepted, ranFolder }: { accepted: readonly Accepted[]; ranFolder: string },
  seen: Seen,
  found: Audit,
): Promise<void> {
  const marks = new Set(await readdir(ranFolder));
  for (const { runId, name, taskIds } of accepted)
    for (const id of taskIds) {
      const key = `${runId}/${id}`;
      if (seen.isModel.has(key) || !seen.ends.get(key)?.includes("completed")) continue;
      if (!marks.has(`${name}-${id}`)) found.lost.push(`${key} is completed and never ran`);
    }
}
