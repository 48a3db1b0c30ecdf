import type { Clock, Timer } from "../base/index.ts";

/** What running attempts still need for their results; below it no new work is taken. */
const MIN_FREE_BYTES = 8 * 1024 * 1024;
const RETRY_MS = 2_000;

export interface DiskWatchOptions {
  /** Free space in the data folder; undefined when it is not known. */
  freeBytes: () => number | undefined;
  /** Why results could not be stored; null when all are. */
  unstored: () => string | null;
  /** Tries again to store what could not be. */
  retry: () => void;
  /** Work stops for this reason, or goes on (null). */
  onChange: (trouble: string | null) => void;
  clock: Clock;
}

/** Sees that the disk of the data folder has no room, and when it has again. */
export class DiskWatch {
  private readonly options: DiskWatchOptions;
  private timer: Timer | undefined;
  private current: string | null = null;

  constructor(options: DiskWatchOptions) {
    this.options = options;
  }

  /** Why no work is taken; null when the disk is well. */
  get trouble(): string | null {
    return this.current;
  }

  look(): void {
    const found = this.find();
    const changed = (found === null) !== (this.current === null);
    this.current = found;
    if (changed) this.options.onChange(found);
    if (found !== null) this.arm();
  }

  stop(): void {
    this.timer?.cancel();
  }

  private find(): string | null {
    const unstored = this.options.unstored();
    if (unstored !== null) return `the data folder cannot be written: ${unstored}`;
    const freeBytes = this.options.freeBytes();
    if (freeBytes === undefined || freeBytes >= MIN_FREE_BYTES) return null;
    return `the disk of the data folder has ${freeBytes} bytes left`;
  }

  private arm(): void {
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(RETRY_MS, () => {
      this.options.retry();
      this.look();
    });
  }
}
