import type { Clock } from "../base/index.ts";
import { CoordinatorSession } from "../transport/index.ts";
import type { Connection } from "../transport/index.ts";
import type { WorkerLink } from "./worker-link.ts";

/** Opens a worker's session with the link of the present term, for as long as it lasts: a later term's does not know it. */
export function acceptWorker(
  connection: Connection,
  at: { link: Pick<WorkerLink, "onHello" | "onFrame" | "onClosed">; clock: Clock; workerTimeoutMs: number },
): void {
  const { link, clock, workerTimeoutMs } = at;
  new CoordinatorSession({
    connection,
    clock,
    workerTimeoutMs,
    handlers: {
      onHello: (session, hello) => link.onHello(session, hello),
      onFrame: (session, frame) => link.onFrame(session, frame),
      onDrain: () => undefined,
      onClosed: (session, end) => link.onClosed(session, end),
    },
  });
}
