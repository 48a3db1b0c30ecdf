/** What a worker is told by, and asks of, the process that starts it anew. */
export interface Supervision {
  /** The version that runs. */
  readonly version: string;
  /** Why this process was started, when there is something to say. */
  readonly note: string | null;
  /** The last version that was tried and given up, and why. */
  readonly refused: { version: string; reason: string } | null;
  /** Gets a version ready to be started next. Rejects with an AssayError when it cannot be had. */
  prepare(version: string): Promise<void>;
  /** The worker is connected: this version works. */
  healthy(): void;
}
