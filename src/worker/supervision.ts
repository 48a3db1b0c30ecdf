import { z } from "zod";

/** A version that was tried and given up, and why. */
export const refusedVersion = z.strictObject({ version: z.string(), reason: z.string() });

/** What a worker process is told by the one that starts it anew, as JSON in its environment. */
export const supervisedBy = z.object({
  /** The version that runs. */
  version: z.string(),
  /** Why this process was started, when there is something to say. */
  note: z.string().nullable(),
  /** The last one. */
  refused: refusedVersion.nullable(),
});
export type SupervisedBy = z.infer<typeof supervisedBy>;

/** What a worker is told by, and asks of, the process that starts it anew. */
export interface Supervision extends Readonly<SupervisedBy> {
  /** Gets a version ready to be started next. Rejects with an AssayError when it cannot be had. */
  prepare(version: string): Promise<void>;
  /** The worker is connected: this version works. */
  healthy(): void;
}
