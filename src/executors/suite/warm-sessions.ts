import type { Clock, Timer } from "../../base/index.ts";
import type { TestSession } from "../../frameworks/index.ts";
import type { SuiteProcesses } from "./suite-processes.ts";

/** A session that nobody asked for in so long a time only holds memory. */
const IDLE_MS = 30_000;
/** More would hold the memory of as many test suites. */
const MAX_IDLE = 4;

/** A session with the processes in which it runs. */
export interface WarmSession {
  session: TestSession;
  processes: SuiteProcesses;
}

/** Sessions between two attempts. Each is one attempt's at a time. */
export class WarmSessions {
  private readonly clock: Clock;
  private readonly waiting: { key: string; warm: WarmSession; timer: Timer }[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** One that was given back under this key. */
  take(key: string): WarmSession | undefined {
    const index = this.waiting.findLastIndex((entry) => entry.key === key);
    const [entry] = index < 0 ? [] : this.waiting.splice(index, 1);
    entry?.timer.cancel();
    entry?.warm.processes.hold(true);
    return entry?.warm;
  }

  give(key: string, warm: WarmSession): void {
    // Nobody has to wait for it: it ends with this process.
    warm.processes.hold(false);
    const entry = { key, warm, timer: this.clock.setTimer(IDLE_MS, () => this.drop(entry)) };
    this.waiting.push(entry);
    const [oldest] = this.waiting;
    if (this.waiting.length > MAX_IDLE && oldest !== undefined) this.drop(oldest);
    // It may have ended meanwhile.
    void warm.processes.oneEnded().then(() => this.drop(entry));
  }

  /** Ends all that wait. */
  async close(): Promise<void> {
    await Promise.all([...this.waiting].map((entry) => this.end(entry)));
  }

  private drop(entry: (typeof this.waiting)[number]): void {
    void this.end(entry);
  }

  private async end(entry: (typeof this.waiting)[number]): Promise<void> {
    const index = this.waiting.indexOf(entry);
    if (index < 0) return;
    this.waiting.splice(index, 1);
    entry.timer.cancel();
    await endSession(entry.warm);
  }
}

/** Ends a session with all that belongs to it. */
export async function endSession({ session, processes }: WarmSession): Promise<void> {
  processes.hold(true);
  await session.close();
  await processes.remove();
}
