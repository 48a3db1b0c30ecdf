import type { Result } from "../base/index.ts";
import type {
  CreateJoinCodeRequest,
  CreateJoinCodeResponse,
  CreateTokenRequest,
  CreateTokenResponse,
  Explanation,
  Fault,
  FeedEvent,
  JoinResponse,
  Mute,
  MuteRequest,
  MuteView,
  PatternRequest,
  PatternView,
  Role,
  ShareKind,
  ShareRequest,
  ShareView,
  StateHashResponse,
  StatusResponse,
  SubmitRunRequest,
  SubmitRunResponse,
  TabTerms,
  Template,
  TemplateSummary,
  TemplateView,
  TokenView,
  WorkerCommandRequest,
  WorkerCommandView,
} from "../contracts/index.ts";
import type { ResultsReader } from "../results/index.ts";

/** Who asks: the holder of a token. */
export type Actor = { tokenId: string; name: string } & ({ role: Role } | { role: "tab"; tab: TabTerms });

/** Who holds a token now: it may be revoked, or be over, while what it opened is open. Cheap enough for each frame. */
export type Holder = () => Result<Actor, Fault>;

/** What the leader does for clients. Every promise settles only after what caused it is committed; failures are AssayErrors. */
export interface Control {
  authenticate(token: string): Result<Actor, Fault>;
  submitRun(
    request: SubmitRunRequest,
    origin: { by: Actor; idempotencyKey: string | null },
  ): Promise<SubmitRunResponse>;
  cancelRun(runId: string, origin: { by: Actor; reason: string }): Promise<void>;
  cancelTask(task: { runId: string; taskId: string }, origin: { by: Actor; reason: string }): Promise<void>;
  /** Nothing but health checks for a worker, until it is released by hand. */
  quarantineWorker(workerId: string, origin: { by: Actor; reason: string }): Promise<void>;
  releaseWorker(workerId: string, origin: { by: Actor; reason: string }): Promise<void>;
  /** Asks something of a worker; the same `command_id` again gives the command as it stands. */
  commandWorker(workerId: string, request: WorkerCommandRequest, origin: { by: Actor }): Promise<WorkerCommandView>;
  /** What the worker was asked, oldest first. */
  workerCommands(workerId: string): WorkerCommandView[];
  /** What pools and users are due, hold and wait for. */
  shares(): ShareView[];
  setShare(share: { kind: ShareKind; name: string } & ShareRequest, origin: { by: Actor }): Promise<ShareView>;
  /** What fails more often than chance explains, and what is done about it. */
  patterns(): PatternView[];
  setPattern(change: { patternId: string } & PatternRequest, origin: { by: Actor }): Promise<PatternView>;
  /** The newest version of each template that is kept. */
  templates(): TemplateSummary[];
  /** A version of a template, the newest unless one is named; null when there is none. */
  template(name: string, version?: number): TemplateView | null;
  /** Gives the newest version when it is this document already. */
  addTemplate(template: Template, origin: { by: Actor }): Promise<TemplateView>;
  removeTemplate(name: string, origin: { by: Actor }): Promise<void>;
  /** Tests that fail no run, and what they have shown since. */
  mutes(): Promise<MuteView[]>;
  /** Mutes a test, or changes the owner, the reason and the end. */
  muteTest(request: MuteRequest, origin: { by: Actor }): Promise<Mute>;
  unmuteTest(muteId: string, origin: { by: Actor }): Promise<void>;
  /** Makes a code that a tab exchanges for a token of its own, once. */
  createJoinCode(request: CreateJoinCodeRequest): Promise<CreateJoinCodeResponse>;
  /** Exchanges a code, as somebody typed it. Rejects with `unauthenticated` for every code that is no good. */
  join(code: string): Promise<JoinResponse>;
  /** Those that count, oldest first; never the tokens themselves. */
  tokens(): TokenView[];
  createToken(request: CreateTokenRequest): Promise<CreateTokenResponse>;
  revokeToken(tokenId: string): Promise<void>;
  explain(task: { runId: string; taskId: string }): Promise<Explanation>;
  status(): StatusResponse;
  /** True while this process leads and its journal can be written. */
  ready(): boolean;
}

/** Which events a watcher wants, and how many at once. */
export interface FeedWanted {
  limit: number;
  runId?: string | undefined;
  type?: string | undefined;
}

/**
 * What screens and lists are made of: the follower's copy, in its own thread. Every answer holds at least all that was
 * committed when the question came. A single thing that does not exist gives null.
 */
export interface ReadModel extends Omit<ResultsReader, "close"> {
  /** Up to `limit` events after `afterSeq`, oldest first; empty when there are none yet. `nextSeq` is where to go on. */
  feed(afterSeq: number, wanted: FeedWanted): Promise<{ events: FeedEvent[]; nextSeq: number }>;
  /** Resolves when the journal has grown past `seq`, or when the signal fires. */
  grown(seq: number, signal: AbortSignal): Promise<void>;
  stateHash(): Promise<StateHashResponse>;
}

/** The end of an attempt's output while it runs. */
export interface LiveLog {
  /** Text so far (at most the last 64 KiB), then what comes; ends when the attempt ends or the signal fires. */
  follow(attempt: { runId: string; taskId: string; attempt: number }, signal: AbortSignal): AsyncIterable<LogChunk>;
}
export interface LogChunk {
  stream: "stdout" | "stderr";
  text: string;
}
