import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { siblingModule } from "../../base/index.ts";
import type { SelfTest, SelfTestAnswers } from "./self-test-thread.ts";

/**
 * Runs the same test in so many threads at once and waits for the answers of all. Rejects when the signal fires, and when a thread fails:
 * for want of memory, say.
 */
export async function inThreads<Test extends SelfTest>(
  test: Test,
  { count, signal }: { count: number; signal: AbortSignal },
): Promise<SelfTestAnswers[Test["test"]][]> {
  signal.throwIfAborted();
  const threads = Array.from(
    { length: count },
    () =>
      new Worker(siblingModule(import.meta.url, "./self-test-thread"), {
        name: "assay self-test",
        workerData: test,
        env: {},
      }),
  );
  // `once` also rejects when the thread fails.
  const next = (thread: Worker): Promise<unknown[]> => once(thread, "message", { signal });
  try {
    await Promise.all(threads.map(next));
    const answers = Promise.all(threads.map(next));
    for (const thread of threads) thread.postMessage("go");
    return (await answers).map(([answer]) => answer as SelfTestAnswers[Test["test"]]);
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}
