import { TokenBucket } from "../../base/index.ts";

/** What one remote address may do before it is authenticated. */
export interface HandshakeLimits {
  /** Handshakes under way at the same time. */
  maxPendingPerAddress: number;
  /** Handshakes per second, and how many may come at once: a whole fleet of one machine reconnects in a burst. */
  handshakesPerSecond: number;
  handshakeBurst: number;
}

export const defaultHandshakeLimits: HandshakeLimits = {
  maxPendingPerAddress: 256,
  handshakesPerSecond: 200,
  handshakeBurst: 1_000,
};

/** Addresses remembered; when so many are busy at once, new ones are refused. */
const MAX_ADDRESSES = 10_000;

interface Caller {
  bucket: TokenBucket;
  pending: number;
}

/** Counts handshakes per remote address. */
export class HandshakeLimiter {
  private readonly limits: HandshakeLimits;
  private readonly callers = new Map<string, Caller>();

  constructor(limits: HandshakeLimits) {
    this.limits = limits;
  }

  /** True when the address may go on; the handshake then counts as under way until `done`. */
  begin(address: string, nowMs: number): boolean {
    const caller = this.callers.get(address) ?? this.meet(address, nowMs);
    if (caller === null || caller.pending >= this.limits.maxPendingPerAddress || !caller.bucket.take(nowMs))
      return false;
    caller.pending += 1;
    return true;
  }

  done(address: string): void {
    const caller = this.callers.get(address);
    if (caller !== undefined) caller.pending -= 1;
  }

  private meet(address: string, nowMs: number): Caller | null {
    if (this.callers.size >= MAX_ADDRESSES) this.forgetIdle(nowMs);
    if (this.callers.size >= MAX_ADDRESSES) return null;
    const { handshakesPerSecond: perSecond, handshakeBurst: burst } = this.limits;
    const caller = { bucket: new TokenBucket({ perSecond, burst }, nowMs), pending: 0 };
    this.callers.set(address, caller);
    return caller;
  }

  private forgetIdle(nowMs: number): void {
    for (const [address, { bucket, pending }] of this.callers) {
      if (pending === 0 && bucket.isFull(nowMs)) this.callers.delete(address);
    }
  }
}
