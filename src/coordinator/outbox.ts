import type { CoordinatorFrameInput, CoordinatorFrameOf } from "../contracts/index.ts";

/** What a coordinator sends of its own accord once the worker is welcome. */
export type CoordinatorMessage = Exclude<CoordinatorFrameInput, { type: "welcome" | "heartbeat_ack" }>;
/** A lease as it is sent: what the schema fills in is left out. */
export type AssignItem = Extract<CoordinatorFrameInput, { type: "assign" }>["items"][number];

/** What one committed batch sends to one session, gathered so that each kind travels in one frame. */
export class Outbox {
  private readonly assign: AssignItem[] = [];
  private readonly ack: CoordinatorFrameOf<"ack">["items"] = [];
  private readonly cancel: CoordinatorFrameOf<"cancel">["items"] = [];
  private readonly revoke: CoordinatorFrameOf<"revoke">["items"] = [];
  private readonly command: CoordinatorFrameOf<"command">["items"] = [];
  private drainReason: string | undefined;

  addAssign(item: AssignItem): void {
    this.assign.push(item);
  }

  addAck(item: CoordinatorFrameOf<"ack">["items"][number]): void {
    this.ack.push(item);
  }

  addCancel(item: CoordinatorFrameOf<"cancel">["items"][number]): void {
    this.cancel.push(item);
  }

  addRevoke(item: CoordinatorFrameOf<"revoke">["items"][number]): void {
    this.revoke.push(item);
  }

  addCommand(item: CoordinatorFrameOf<"command">["items"][number]): void {
    this.command.push(item);
  }

  addDrain(reason: string): void {
    this.drainReason = reason;
  }

  /** The frames, in an order that the worker can rely on: an assignment before its cancellation or recall. */
  take(): CoordinatorMessage[] {
    const frames: CoordinatorMessage[] = [];
    if (this.ack.length > 0) frames.push({ type: "ack", items: this.ack.splice(0) });
    if (this.assign.length > 0) frames.push({ type: "assign", items: this.assign.splice(0) });
    if (this.cancel.length > 0) frames.push({ type: "cancel", items: this.cancel.splice(0) });
    if (this.revoke.length > 0) frames.push({ type: "revoke", items: this.revoke.splice(0) });
    if (this.drainReason !== undefined) frames.push({ type: "drain", reason: this.drainReason });
    this.drainReason = undefined;
    if (this.command.length > 0) frames.push({ type: "command", items: this.command.splice(0) });
    return frames;
  }
}
