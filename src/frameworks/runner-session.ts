import { eventLines } from "./event-lines.ts";
import type { FrameworkProcess, ProcessEnd, SessionOptions, TestEvent, TestSession } from "./framework.ts";
import { runEvent, testEvent } from "./runner-events.ts";
import { couldNot } from "./runner-program.ts";
import type { RunnerProgram } from "./runner-program.ts";

/** How long a process that has nothing to run may take to tear down what its tests made for the whole of it. */
const TEAR_DOWN_MS = 5_000;
/** How long what a process that ended had said may take to get here: one that it started may hold the pipe open. */
const LAST_WORDS_MS = 2_000;

/** One process of a program that speaks for a framework: it stays and runs batch after batch. */
export class RunnerSession implements TestSession {
  private readonly child: FrameworkProcess;
  private readonly ended: Promise<ProcessEnd>;
  private tell: ((event: TestEvent) => void) | undefined;
  private settle: (() => void) | undefined;

  private constructor(child: FrameworkProcess) {
    this.child = child;
    const heard = this.listen();
    this.ended = child.exited.then(async (end) => {
      await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS).unref())]);
      return end;
    });
  }

  /** Resolves when it waits for tests. Rejects with `discovery_failed` when it ends before. */
  static async open(program: RunnerProgram, options: SessionOptions): Promise<RunnerSession> {
    const { retries, watch, requireReal, signal } = options;
    const child = await program.start(options, { mode: "run", retries, watch, requireReal });
    const session = new RunnerSession(child);
    const stop = (): void => void child.kill();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const end = await session.next();
    signal.removeEventListener("abort", stop);
    if (end === null) return session;
    signal.throwIfAborted();
    throw await couldNot(program, options, { child, end });
  }

  async run(tests: readonly string[], tell: (event: TestEvent) => void): Promise<ProcessEnd | null> {
    this.tell = tell;
    const next = this.next();
    this.child.commands.write(`${JSON.stringify({ tests })}\n`);
    const end = await next;
    this.tell = undefined;
    return end;
  }

  async close(): Promise<void> {
    const busy = this.settle !== undefined;
    if (!busy) {
      this.child.commands.end();
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, TEAR_DOWN_MS);
      await Promise.race([this.child.exited, promise]);
      clearTimeout(timer);
    }
    await this.child.kill();
  }

  /** Null when the process says that it waits for tests, else its end. */
  private next(): Promise<ProcessEnd | null> {
    return new Promise((resolve) => {
      this.settle = () => {
        this.settle = undefined;
        resolve(null);
      };
      void this.ended.then((end) => {
        this.settle = undefined;
        resolve(end);
      });
    });
  }

  private async listen(): Promise<void> {
    try {
      for await (const line of eventLines(this.child.events)) {
        const event = runEvent.safeParse(line).data;
        if (event === undefined) continue;
        const told = testEvent(event);
        if (told === undefined) this.settle?.();
        else this.tell?.(told);
      }
    } catch {
      // A pipe that breaks is one that ended.
    }
  }
}
