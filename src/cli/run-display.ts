import type { Clock, Timer } from "../base/index.ts";
import type { FeedEvent } from "../contracts/index.ts";
import { eventLines } from "./event-lines.ts";
import { LiveRegion, MAX_LIVE_LINES } from "./live-region.ts";
import { countText, durationText } from "./quantities.ts";
import { RunProgress } from "./run-progress.ts";
import { paint, plain } from "./style.ts";
import type { Output, Style } from "./style.ts";

const HEARTBEAT_MS = 30_000;
const REDRAW_MS = 200;
/** In larger runs only what did not complete gets a line. */
const MAX_TASKS_WITH_LINES = 200;

export interface RunDisplayOptions {
  output: Output;
  style: Style;
  clock: Clock;
  runId: string;
  tasks: number;
}

/**
 * Shows a run while it goes on: on a terminal a live region, elsewhere lines and a heartbeat. Failures are shown at once and in
 * full. `end` must be called.
 */
export class RunDisplay {
  readonly progress: RunProgress;
  private readonly options: RunDisplayOptions;
  private readonly region: LiveRegion | undefined;
  private timer: Timer | undefined;

  constructor(options: RunDisplayOptions) {
    this.options = options;
    this.progress = new RunProgress(options.tasks, options.clock.monotonicMs());
    this.region = options.output.isTTY === true ? new LiveRegion(options.output, options.style) : undefined;
    this.arm();
  }

  event(event: FeedEvent): void {
    const { style, clock, tasks } = this.options;
    const recalled = this.progress.recallOf(event);
    this.progress.apply(event, clock.monotonicMs());
    this.note(eventLines(event, { style, quiet: tasks > MAX_TASKS_WITH_LINES, recalled }));
  }

  /** Prints lines without disturbing the region. */
  note(lines: readonly string[]): void {
    if (this.region !== undefined) this.region.log(lines);
    else if (lines.length > 0) this.options.output.write(`${lines.join("\n")}\n`);
  }

  end(): void {
    this.timer?.cancel();
    this.region?.clear();
  }

  private arm(): void {
    this.timer = this.options.clock.setTimer(this.region === undefined ? HEARTBEAT_MS : REDRAW_MS, () => {
      if (this.region === undefined) this.note([this.summary()]);
      else this.region.draw([this.summary(), ...this.activeLines()]);
      this.arm();
    });
  }

  private summary(): string {
    const { style, clock, runId } = this.options;
    const { done, total, failed, errors, active, startedAtMs, tests, testsNotPassed } = this.progress;
    const nowMs = clock.monotonicMs();
    const remainingMs = this.progress.remainingMs(nowMs);
    const workers = new Set(active.map(({ workerId }) => workerId)).size;
    const parts = [
      `${done}/${total} done`,
      ...(tests > 0 ? [countText(tests, "test")] : []),
      ...(testsNotPassed > 0 ? [paint(style, "red", `${testsNotPassed} of them did not pass`)] : []),
      ...(failed > 0 ? [paint(style, "red", `${failed} failed`)] : []),
      ...(errors > 0 ? [paint(style, "yellow", `${errors} with errors`)] : []),
      `${active.length} on ${countText(workers, "worker")}`,
      durationText((nowMs - startedAtMs) / 1000),
      ...(remainingMs === undefined || done === total ? [] : [`about ${durationText(remainingMs / 1000)} left`]),
    ];
    return `${paint(style, "cyan", plain(style, "▶"))} ${runId}: ${parts.join(", ")}`;
  }

  private activeLines(): string[] {
    const { style, clock } = this.options;
    const attempts = [...this.progress.active].sort((a, b) => a.sinceMs - b.sinceMs);
    const shown = attempts.slice(0, MAX_LIVE_LINES - 2);
    const lines = shown.map(({ taskId, workerId, hardware, started, sinceMs }) => {
      const place = hardware === null ? workerId : `${workerId}, ${hardware}`;
      const seconds = durationText((clock.monotonicMs() - sinceMs) / 1000);
      return plain(style, `  ${started ? "▶" : "~"} ${taskId} (${place}) ${started ? seconds : "about to start"}`);
    });
    return attempts.length > shown.length ? [...lines, `  and ${attempts.length - shown.length} more`] : lines;
  }
}
