import { TokenBucket } from "../base/index.ts";
import type { Clock, Timer } from "../base/index.ts";
import type { ProgressReport } from "../executors/index.ts";
import type { WorkerMessageInput } from "../transport/index.ts";

/** What one attempt may show per second, and at once after a pause, in characters. */
const CHARACTERS_PER_SECOND = 32 * 1024;
/** All attempts together, in frames; the coordinator closes sessions that send far more. */
const FRAMES_PER_SECOND = 200;
const FLUSH_INTERVAL_MS = 250;
/** Most of one attempt that waits; also what one frame holds at most. */
const MAX_WAITING_CHARACTERS = 64 * 1024;
const MAX_MESSAGE_CHARACTERS = 2_000;

type Stream = "stdout" | "stderr";

interface Attempt {
  chunks: { stream: Stream; text: string }[];
  waitingCharacters: number;
  /** Left out since the last text that was taken. */
  leftOut: { stream: Stream; characters: number } | undefined;
  allowance: TokenBucket;
  progress: ProgressReport | undefined;
}

/** A session to show things in; undefined while there is none, or it cannot keep up. */
export type LiveOutlet = () => { send(frame: WorkerMessageInput): void } | undefined;

/**
 * The live view of running attempts: output and progress, joined and sent a few times per second. It is a courtesy: what comes
 * too fast, or while nobody listens, is left out with a note. All output is in the artifacts.
 */
export class LiveFeed {
  private readonly clock: Clock;
  private readonly outlet: LiveOutlet;
  private readonly attempts = new Map<number, Attempt>();
  private readonly frames: TokenBucket;
  private timer: Timer | undefined;

  constructor(clock: Clock, outlet: LiveOutlet) {
    this.clock = clock;
    this.outlet = outlet;
    this.frames = allowanceOf(FRAMES_PER_SECOND, clock);
  }

  log(leaseSeq: number, stream: Stream, text: string): void {
    const attempt = this.attemptOf(leaseSeq);
    const room = Math.min(text.length, MAX_WAITING_CHARACTERS - attempt.waitingCharacters);
    const taken = room > 0 ? attempt.allowance.takeUpTo(room, this.clock.monotonicMs()) : 0;
    if (taken > 0) {
      noteLeftOut(attempt);
      append(attempt, stream, text.slice(0, taken));
    }
    if (taken < text.length) {
      attempt.leftOut = { stream, characters: (attempt.leftOut?.characters ?? 0) + text.length - taken };
    }
    this.arm();
  }

  /** The latest report takes the place of one that waits, but for its payload, which waits for the next payload. */
  progress(leaseSeq: number, report: ProgressReport): void {
    const attempt = this.attemptOf(leaseSeq);
    const payload = report.payload ?? attempt.progress?.payload;
    attempt.progress = { ...report, ...(payload === undefined ? {} : { payload }) };
    this.arm();
  }

  /** The attempt ended: shows the rest now, since later nobody would take it. */
  end(leaseSeq: number): void {
    const attempt = this.attempts.get(leaseSeq);
    if (attempt === undefined) return;
    this.attempts.delete(leaseSeq);
    this.show(leaseSeq, attempt);
    // Unlike all else here, what the next attempt needs is not left out.
    if (attempt.progress?.payload === undefined) return;
    this.frames.overdraw(this.clock.monotonicMs());
    this.sendProgress(leaseSeq, attempt);
  }

  stop(): void {
    this.timer?.cancel();
    this.attempts.clear();
  }

  private arm(): void {
    this.timer ??= this.clock.setTimer(FLUSH_INTERVAL_MS, () => {
      this.timer = undefined;
      let left = false;
      for (const [leaseSeq, attempt] of this.attempts) {
        if (this.show(leaseSeq, attempt)) continue;
        left = true;
      }
      if (left) this.arm();
    });
  }

  /** Sends what waits; false when some of it must wait on. */
  private show(leaseSeq: number, attempt: Attempt): boolean {
    const session = this.outlet();
    if (session === undefined) return false;
    if (attempt.waitingCharacters < MAX_WAITING_CHARACTERS / 2) noteLeftOut(attempt);
    for (let chunk = attempt.chunks[0]; chunk !== undefined; chunk = attempt.chunks[0]) {
      if (!this.frames.take(this.clock.monotonicMs())) return false;
      attempt.chunks.shift();
      attempt.waitingCharacters -= chunk.text.length;
      session.send({ type: "log", lease_seq: leaseSeq, ...chunk });
    }
    if (attempt.progress !== undefined && this.frames.take(this.clock.monotonicMs()))
      this.sendProgress(leaseSeq, attempt);
    return attempt.progress === undefined;
  }

  private sendProgress(leaseSeq: number, attempt: Attempt): void {
    const session = this.outlet();
    if (session === undefined || attempt.progress === undefined) return;
    session.send({ type: "progress", lease_seq: leaseSeq, ...checkedProgress(attempt.progress) });
    attempt.progress = undefined;
  }

  private attemptOf(leaseSeq: number): Attempt {
    const known = this.attempts.get(leaseSeq);
    if (known !== undefined) return known;
    const allowance = allowanceOf(CHARACTERS_PER_SECOND, this.clock);
    const made: Attempt = { chunks: [], waitingCharacters: 0, leftOut: undefined, allowance, progress: undefined };
    this.attempts.set(leaseSeq, made);
    return made;
  }
}

function append(attempt: Attempt, stream: Stream, cut: string): void {
  // A cut may have halved a character, which no encoding takes.
  const text = cut.toWellFormed();
  const last = attempt.chunks.at(-1);
  if (last?.stream === stream && last.text.length + text.length <= MAX_WAITING_CHARACTERS) last.text += text;
  else attempt.chunks.push({ stream, text });
  attempt.waitingCharacters += text.length;
}

function noteLeftOut(attempt: Attempt): void {
  if (attempt.leftOut === undefined) return;
  const { stream, characters } = attempt.leftOut;
  attempt.leftOut = undefined;
  append(attempt, stream, `\n[${characters} characters left out of the live view]\n`);
}

/** Executors may report anything; the coordinator takes fractions from 0 to 1 and short messages. */
function checkedProgress({ fraction, message, payload }: ProgressReport): ProgressReport {
  return {
    ...(payload === undefined ? {} : { payload }),
    ...(fraction === undefined || Number.isNaN(fraction) ? {} : { fraction: Math.min(1, Math.max(0, fraction)) }),
    ...(message === undefined ? {} : { message: message.slice(0, MAX_MESSAGE_CHARACTERS).toWellFormed() }),
  };
}

/** What is not used adds up to one second's worth. */
function allowanceOf(perSecond: number, clock: Clock): TokenBucket {
  return new TokenBucket({ perSecond, burst: perSecond }, clock.monotonicMs());
}
