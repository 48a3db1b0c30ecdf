import type { Clock, Timer } from "../../base/index.ts";
import type { Connection } from "../connection.ts";
import { PAUSE_BYTES, RESUME_BYTES, STUCK_BYTES, STUCK_MS } from "../limits.ts";

/** Watches how much of what was sent is still here: whether the other side keeps up, falls behind, or does not read at all. */
export class Outflow {
  private readonly connection: Connection;
  private readonly clock: Clock;
  private readonly handlers: { onDrain: () => void; onStuck: () => void };
  private paused = false;
  private stuck: Timer | undefined;

  constructor(connection: Connection, clock: Clock, handlers: { onDrain: () => void; onStuck: () => void }) {
    this.connection = connection;
    this.clock = clock;
    this.handlers = handlers;
  }

  /** False from `PAUSE_BYTES` unsent bytes until they are fewer than `RESUME_BYTES`. */
  get writable(): boolean {
    return !this.paused;
  }

  /** To be called after each send. */
  grew(): void {
    const bytes = this.connection.bufferedBytes;
    if (bytes > PAUSE_BYTES) this.paused = true;
    if (bytes > STUCK_BYTES) this.stuck ??= this.clock.setTimer(STUCK_MS, this.handlers.onStuck);
  }

  /** To be called when bytes have left. */
  shrank(): void {
    if (!this.paused) return;
    const bytes = this.connection.bufferedBytes;
    if (bytes <= STUCK_BYTES) this.unstick();
    if (bytes >= RESUME_BYTES) return;
    this.paused = false;
    this.handlers.onDrain();
  }

  stop(): void {
    this.unstick();
  }

  private unstick(): void {
    this.stuck?.cancel();
    this.stuck = undefined;
  }
}
