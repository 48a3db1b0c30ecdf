import type { JournalEvent, PlacedEvent } from "../src/contracts/index.ts";
import type { Options } from "./options.ts";
import { demand } from "./violation.ts";

/** A recall must leave so soon after it is durable, and a timer be served so soon, where nothing goes wrong. */
const PROMPTLY_MS = 1_500;

/** Nothing goes wrong in this simulation, so that what is due happens at once. */
export const isPrompt = ({ faults, store }: Options): boolean =>
  faults.length === 0 && store.faults === 0 && store.slow === 0;

export const isLate = (prompt: boolean, times: { dueMs: number; atMs: number }): boolean =>
  prompt && times.atMs - times.dueMs > PROMPTLY_MS;

/** What workers said of their leases and were told about them, against what the journal makes of it. */
export class Hearsay {
  private readonly prompt: boolean;
  /** By process: what it said it holds each time that it connected, and how far the journal was then. */
  private readonly hellos = new Map<string, { atSeq: number; held: ReadonlySet<number> }[]>();
  private readonly answered = new Set<string>();
  private readonly recalls = new Map<number, { workerId: string; atMs: number }>();
  private readonly payloads = new Map<string, string>();
  /** What an attempt must be given of those before it. */
  private readonly given = new Map<number, string>();

  constructor(prompt: boolean) {
    this.prompt = prompt;
  }

  connects(process: string, hello: { atSeq: number; held: ReadonlySet<number> }): void {
    const hellos = this.hellos.get(process) ?? [];
    this.hellos.set(process, hellos);
    hellos.push(hello);
  }

  /** An answer to a result arrived. */
  answers(workerId: string, leaseSeq: number): void {
    this.answered.add(`${workerId}/${leaseSeq}`);
  }

  /** L1: the worker throws a result away. */
  forgets(workerId: string, leaseSeq: number): void {
    demand(this.answered.has(`${workerId}/${leaseSeq}`), "L1", () => `${workerId} forgets the result of ${leaseSeq}`);
  }

  recalled(leaseSeq: number): void {
    this.recalls.delete(leaseSeq);
  }

  /** S20: what an attempt left comes to the next one. */
  assigned(leaseSeq: number, payload: string | undefined): void {
    const given = this.given.get(leaseSeq);
    demand(given === undefined || payload !== undefined, "S20", () => `lease ${leaseSeq} comes without ${given}`);
  }

  durable(events: readonly PlacedEvent[]): void {
    const processes = new Map<string, string>();
    for (const { seq, event, atMs } of events) {
      this.notePayload(seq, event);
      this.noteRecall(event, atMs);
      if (event.type === "worker_registered") processes.set(event.workerId, `${event.workerId}/${event.incarnation}`);
      if (event.type !== "attempt_finished" || event.outcome !== "lost") continue;
      if (event.failure?.message.includes("was started anew") !== true) continue;
      const hellos = this.hellos.get(processes.get(event.workerId) ?? "") ?? [];
      const since = hellos.filter(({ atSeq }) => atSeq >= event.leaseSeq);
      const isHeld = since.length > 0 && since.every(({ held }) => held.has(event.leaseSeq));
      demand(!isHeld, "S3", () => `lease ${event.leaseSeq} is called lost, and ${event.workerId} said it has it`);
    }
    const nowMs = events.at(-1)?.atMs ?? 0;
    for (const [leaseSeq, { atMs }] of this.recalls)
      demand(!isLate(this.prompt, { dueMs: atMs, atMs: nowMs }), "L5", () => `lease ${leaseSeq} is not called back`);
  }

  private notePayload(seq: number, event: JournalEvent): void {
    if (event.type === "attempt_progressed") this.payloads.set(`${event.runId}/${event.taskId}`, event.payload);
    if (event.type === "attempt_finished" && event.payload !== undefined)
      this.payloads.set(`${event.runId}/${event.taskId}`, event.payload);
    if (event.type !== "attempt_leased") return;
    const payload = this.payloads.get(`${event.runId}/${event.taskId}`);
    if (payload !== undefined) this.given.set(seq, payload);
  }

  /** A worker without a session hears of it when it is back. */
  private noteRecall(event: JournalEvent, atMs: number): void {
    if (!this.prompt) return;
    switch (event.type) {
      case "attempt_revoked": {
        const { workerId, leaseSeq } = event;
        this.recalls.set(leaseSeq, { workerId, atMs });
        return;
      }
      case "attempt_finished":
        this.recalls.delete(event.leaseSeq);
        return;
      case "worker_registered":
      case "worker_suspected":
        for (const [leaseSeq, { workerId }] of this.recalls)
          if (workerId === event.workerId) this.recalls.delete(leaseSeq);
        return;
      default:
        return;
    }
  }
}
