import { parentPort, workerData } from "node:worker_threads";
import { AssayError, assert, errorMessage, systemClock } from "../base/index.ts";
import { openSqliteFollower } from "../journal/index.ts";
import { dataFolder } from "./data-folder.ts";
import { digest } from "./digest.ts";
import type {
  FollowerMethod,
  FollowerMethods,
  FollowerThreadData,
  FromFollower,
  PlainError,
  ToFollower,
} from "./follower-messages.ts";
import { Follower } from "./follower.ts";
import type { Results } from "../results/index.ts";
import { openWholeResults } from "./whole-results.ts";

/** The thread that follows the journal: results, snapshots and everything that screens and lists show. */
assert(parentPort, "this module runs as a thread");
const port = parentPort;
const tell = (message: FromFollower): void => port.postMessage(message);

function plainError(error: unknown): PlainError {
  if (error instanceof AssayError) {
    return { code: error.code, message: error.message, next: error.next, details: { ...error.details } };
  }
  return { code: "internal", message: errorMessage(error), next: "Report it with the log.", details: {} };
}

function methodsOf(follower: Follower, results: Results): FollowerMethods {
  return {
    runs: (query) => results.runs(query),
    run: async (runId) => follower.runView(runId) ?? results.run(runId),
    tasks: (query) => results.tasks(query),
    task: (runId, taskId) => results.task(runId, taskId),
    attempts: (query) => results.attempts(query),
    workers: (query) => results.workers(query),
    results: (query) => results.results(query),
    artifacts: (query) => results.artifacts(query),
    tests: (query) => results.tests(query),
    knownTests: (request) => results.knownTests(request),
    evidenceSince: (tests) => results.evidenceSince(tests),
    sql: (sql, maxRows) => results.sql(sql, maxRows),
    feed: (afterSeq, options) => follower.feed(afterSeq, options),
    hashAt: (seq) => follower.hashAt(seq),
    saveSnapshot: () => follower.saveSnapshot(),
  };
}

async function main(): Promise<void> {
  const folder = dataFolder((workerData as FollowerThreadData).dataDir);
  const journal = await openSqliteFollower({ folder: folder.journal });
  await journal.open();
  const results = await openWholeResults(folder.results, {
    journal,
    onBroken: (error) => tell({ type: "trouble", error: plainError(error) }),
  });
  const follower = new Follower({
    journal,
    results,
    clock: systemClock,
    digest,
    onProjected: (seq) => tell({ type: "projected", seq }),
    onPatterns: (patterns, seq) => tell({ type: "patterns", patterns, seq }),
    onMuted: (tests) => tell({ type: "muted", tests }),
    onTrouble: (error) => tell({ type: "trouble", error: plainError(error) }),
  });

  const methods = methodsOf(follower, results);

  const stop = new AbortController();
  const ended = follower.run(stop.signal);
  port.on("message", (message: ToFollower) => {
    if (message.type === "hint") journal.hint(message.seq);
    else if (message.type === "stop") stop.abort();
    else void answer(message);
  });
  tell({ type: "ready" });

  async function answer(call: Extract<ToFollower, { type: "call" }>): Promise<void> {
    try {
      await isReadyFor(call);
      tell({ type: "answer", id: call.id, value: await run(call.method, call.args) });
    } catch (error) {
      tell({ type: "error", id: call.id, error: plainError(error) });
    }
  }

  async function isReadyFor({ method, args, afterSeq }: Extract<ToFollower, { type: "call" }>): Promise<void> {
    if (method === "hashAt") return;
    await follower.seen(afterSeq);
    // What is in memory needs no rows: they are not written early for those who wait for a run.
    if (method === "feed" || (method === "run" && follower.runView(String(args[0])))) return;
    await follower.caughtUp(afterSeq);
  }

  function run(method: FollowerMethod, args: unknown[]): Promise<unknown> {
    // The other side of the port is typed by the same table.
    const action = methods[method] as (...given: unknown[]) => Promise<unknown>;
    return action(...args);
  }

  await ended;
  await follower.saveSnapshot();
  await results.close();
  await journal.close();
}

main().then(
  () => port.close(),
  (error: unknown) => {
    tell({ type: "failed", error: plainError(error) });
    port.close();
  },
);
