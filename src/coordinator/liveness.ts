import type { Clock, Timer } from "../base/index.ts";
import { PHI_THRESHOLD, PhiDetector } from "./phi-detector.ts";

/** How often silence is looked for. */
const LOOK_MS = 500;
/** Standing still for so long can make workers give up their sessions. */
const STALL_MS = 1_000;

export interface LivenessOptions<Peer> {
  clock: Clock;
  /** Nothing was heard of it for longer than is usual; once, until it is heard again. */
  onSilent: (peer: Peer, silentMs: number) => void;
  onHeard: (peer: Peer) => void;
}

interface Watched {
  readonly detector: PhiDetector;
  suspected: boolean;
}

/**
 * Which sessions are silent. Time in which this process itself stood still, its event loop busy or the process stopped, counts
 * for nobody (as in Lifeguard: Dadgar, Phillips, Currey 2017).
 */
export class Liveness<Peer> {
  private readonly options: LivenessOptions<Peer>;
  private readonly watched = new Map<Peer, Watched>();
  private timer: Timer | undefined;
  private lookAtMs = Number.POSITIVE_INFINITY;
  private stalledAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: LivenessOptions<Peer>) {
    this.options = options;
  }

  add(peer: Peer, intervalMs: number): void {
    this.watched.set(peer, {
      detector: new PhiDetector(intervalMs, this.options.clock.monotonicMs()),
      suspected: false,
    });
    this.timer ??= this.arm();
  }

  remove(peer: Peer): void {
    this.watched.delete(peer);
    if (this.watched.size > 0) return;
    this.timer?.cancel();
    this.timer = undefined;
    this.noteStall(this.options.clock.monotonicMs());
    this.lookAtMs = Number.POSITIVE_INFINITY;
  }

  heard(peer: Peer, isBeat: boolean): void {
    const one = this.watched.get(peer);
    if (!one) return;
    const nowMs = this.options.clock.monotonicMs();
    if (isBeat) one.detector.beat(nowMs);
    else one.detector.heard(nowMs);
    if (!one.suspected) return;
    one.suspected = false;
    this.options.onHeard(peer);
  }

  /** Whether this process stood still and has gone on no longer than `withinMs` ago. */
  stalledWithin(withinMs: number): boolean {
    const nowMs = this.options.clock.monotonicMs();
    return nowMs - this.lookAtMs >= STALL_MS || nowMs - this.stalledAtMs <= withinMs;
  }

  private arm(): Timer {
    const { clock } = this.options;
    this.lookAtMs = clock.monotonicMs() + LOOK_MS;
    return clock.setTimer(LOOK_MS, () => this.look());
  }

  private noteStall(nowMs: number): void {
    if (nowMs - this.lookAtMs >= STALL_MS) this.stalledAtMs = nowMs;
  }

  private look(): void {
    const nowMs = this.options.clock.monotonicMs();
    const lagMs = Math.max(nowMs - this.lookAtMs, 0);
    this.noteStall(nowMs);
    this.timer = this.arm();
    for (const [peer, one] of this.watched) {
      // What was heard at the end of the lag was heard now at the latest.
      one.detector.excuse(Math.min(lagMs, one.detector.silentMs(nowMs)));
      if (one.suspected || one.detector.phi(nowMs) < PHI_THRESHOLD) continue;
      one.suspected = true;
      this.options.onSilent(peer, one.detector.silentMs(nowMs));
    }
  }
}
