import type { FailurePattern, MutedEvidence } from "../contracts/index.ts";
import type { ReadModel } from "./control.ts";

/** What the follower's thread answers, besides telling how far it is. */
export interface FollowerMethods extends Omit<ReadModel, "grown" | "stateHash"> {
  /** Hash of the state right after an event. */
  hashAt(seq: number): Promise<string>;
  saveSnapshot(): Promise<void>;
}
export type FollowerMethod = keyof FollowerMethods;

export type ToFollower =
  | { type: "hint"; seq: number }
  /** `afterSeq`: the answer must hold everything up to this event. */
  | { type: "call"; id: number; method: FollowerMethod; args: unknown[]; afterSeq: number }
  | { type: "stop" };

export interface PlainError {
  code: string;
  message: string;
  next: string;
  details: Record<string, unknown>;
}

export type FromFollower =
  | { type: "ready" }
  | { type: "projected"; seq: number }
  | { type: "patterns"; patterns: FailurePattern[]; seq: number }
  | { type: "muted"; tests: MutedEvidence[] }
  | { type: "answer"; id: number; value: unknown }
  | { type: "error"; id: number; error: PlainError }
  /** Rows or a snapshot could not be written for now. */
  | { type: "trouble"; error: PlainError }
  | { type: "failed"; error: PlainError };

export interface FollowerThreadData {
  dataDir: string;
}
