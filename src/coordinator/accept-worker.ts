import type { Clock } from "../base/index.ts";
import { CoordinatorSession } from "../transport/index.ts";
import type { Connection } from "../transport/index.ts";
import type { Actor } from "./control.ts";
import { excessOf } from "./tab-terms.ts";
import type { TabOffer } from "./tab-terms.ts";
import type { WorkerLink } from "./worker-link.ts";

/** Opens a worker's session with the link of the present term, for as long as it lasts: a later term's does not know it. */
export function acceptWorker(
  connection: Connection,
  at: {
    link: Pick<WorkerLink, "onHello" | "onFrame" | "onClosed">;
    clock: Clock;
    workerTimeoutMs: number;
    /** Whose token it is: a tab's allows less than a worker may offer. */
    actor?: Pick<Actor, "name" | "tab"> | undefined;
  },
): void {
  const { link, clock, workerTimeoutMs, actor } = at;
  /** Ends a session that offers what its token does not allow. */
  const refuses = (session: CoordinatorSession, offer: TabOffer): boolean => {
    const excess = actor?.tab && excessOf({ ...actor.tab, name: actor.name }, offer);
    if (excess !== undefined) session.close("unauthenticated", excess);
    return excess !== undefined;
  };
  new CoordinatorSession({
    connection,
    clock,
    workerTimeoutMs,
    handlers: {
      onHello: (session, hello) => refuses(session, hello) || link.onHello(session, hello),
      onFrame: (session, frame) =>
        (frame.type === "capabilities" && refuses(session, frame)) || link.onFrame(session, frame),
      onDrain: () => undefined,
      onClosed: (session, end) => link.onClosed(session, end),
    },
  });
}
