import { errorMessage } from "../base/index.ts";
import type { Clock, Timer } from "../base/index.ts";
import type { MachineLoad, Platform } from "../platform/index.ts";
import type { WorkerLogger } from "./worker-logger.ts";

export interface HeartbeatOptions {
  intervalMs: number;
  platform: Platform;
  clock: Clock;
  logger: WorkerLogger;
  beat: (load: MachineLoad) => void;
}

/** Beats for one session, from one interval after its start until it is stopped. */
export class Heartbeat {
  private readonly options: HeartbeatOptions;
  private timer: Timer;
  private stopped = false;

  constructor(options: HeartbeatOptions) {
    this.options = options;
    this.timer = this.arm();
  }

  stop(): void {
    this.stopped = true;
    this.timer.cancel();
  }

  private arm(): Timer {
    return this.options.clock.setTimer(this.options.intervalMs, () => void this.beat());
  }

  private async beat(): Promise<void> {
    // Armed before the load is read, so that slow reading does not stretch the interval.
    this.timer = this.arm();
    const load = await this.load();
    if (!this.stopped) this.options.beat(load);
  }

  /** A machine whose load cannot be read still beats. */
  private async load(): Promise<MachineLoad> {
    try {
      return await this.options.platform.load();
    } catch (error) {
      this.options.logger.warn({ err: errorMessage(error) }, "the load of the machine could not be read");
      return { cpu_percent: 0, memory_used_gb: 0 };
    }
  }
}
