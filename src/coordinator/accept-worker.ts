import { excessOf } from "../auth/index.ts";
import type { TabOffer } from "../auth/index.ts";
import type { Clock, Result } from "../base/index.ts";
import type { Fault } from "../contracts/index.ts";
import { CoordinatorSession } from "../transport/index.ts";
import type { Connection } from "../transport/index.ts";
import type { Actor, Holder } from "./control.ts";
import type { WorkerLink } from "./worker-link.ts";

/** Opens a worker's session with the link of the present term, for as long as it lasts: a later term's does not know it. */
export function acceptWorker(
  connection: Connection,
  at: {
    link: Pick<WorkerLink, "onHello" | "onFrame" | "onClosed">;
    clock: Clock;
    workerTimeoutMs: number;
    /** Of the token that the connection came with. */
    holder?: Holder;
  },
): void {
  const { link, clock, workerTimeoutMs, holder } = at;
  /** Ends a session whose token is no good any more, or allows less than is offered; false when it did. */
  const allows = (session: CoordinatorSession, offer?: TabOffer): boolean => {
    const refusal = holder && refusalOf(holder(), offer);
    if (refusal !== undefined) session.close("unauthenticated", refusal);
    return refusal === undefined;
  };
  new CoordinatorSession({
    connection,
    clock,
    workerTimeoutMs,
    handlers: {
      onHello: (session, hello) => {
        if (allows(session, hello)) link.onHello(session, hello);
      },
      onFrame: (session, frame) => {
        if (allows(session, frame.type === "capabilities" ? frame : undefined)) link.onFrame(session, frame);
      },
      onDrain: () => undefined,
      onClosed: (session, end) => link.onClosed(session, end),
    },
  });
}

function refusalOf(held: Result<Actor, Fault>, offer: TabOffer | undefined): string | undefined {
  // One that does not lead knows no tokens, and the link says so.
  if (!held.ok) return held.error.code === "not_leader" ? undefined : held.error.message;
  const actor = held.value;
  return actor.role === "tab" && offer !== undefined ? excessOf({ ...actor.tab, name: actor.name }, offer) : undefined;
}
