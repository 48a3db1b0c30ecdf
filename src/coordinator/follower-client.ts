import { Worker } from "node:worker_threads";
import { AssayError, siblingModule } from "../base/index.ts";
import type { Clock } from "../base/index.ts";
import { assayError } from "../contracts/index.ts";
import type { FailurePattern, FeedEvent, MutedEvidence, Page } from "../contracts/index.ts";
import type {
  ArtifactView,
  AttemptView,
  KnownTest,
  ResultView,
  RunView,
  SqlResponse,
  StateHashResponse,
  TaskView,
  TestEvidence,
  TestView,
  WorkerView,
} from "../contracts/index.ts";
import type { ReadModel } from "./control.ts";
import type { LiveTail } from "./live-tail.ts";
import { HintPause } from "./hint-pause.ts";
import type { FollowerMethod, FollowerThreadData, FromFollower, PlainError, ToFollower } from "./follower-messages.ts";

export interface FollowerClientOptions {
  dataDir: string;
  clock: Clock;
  /** What was committed last: watchers read it from here. */
  tail: LiveTail;
  /** Sequence of the last committed event: what every answer must hold. */
  committedSeq(): number;
  /** Hash of the leader's state, with the sequence of its last event. */
  leaderHash(): { seq: number; hash: string };
  onProjected(seq: number): void;
  onPatterns(patterns: FailurePattern[], seq: number): void;
  onMuted(tests: MutedEvidence[]): void;
  onTrouble(error: AssayError): void;
  onFailed(error: AssayError): void;
}

/** The follower's thread as the rest of the coordinator sees it. */
export class FollowerClient implements ReadModel {
  private readonly options: FollowerClientOptions;
  private readonly thread: Worker;
  private readonly pause: HintPause;
  private readonly calls = new Map<number, { resolve(value: unknown): void; reject(error: AssayError): void }>();
  private readonly exited: Promise<void>;
  private readonly follows = Promise.withResolvers<void>();
  private nextId = 1;
  private failure: AssayError | undefined;

  constructor(options: FollowerClientOptions) {
    this.options = options;
    this.pause = new HintPause(options.clock, (seq) => this.post({ type: "hint", seq }));
    // Whoever does not wait for it learns of a failure by `onFailed`.
    this.ready.catch(() => undefined);
    const workerData: FollowerThreadData = { dataDir: options.dataDir };
    this.thread = new Worker(siblingModule(import.meta.url, "./follower-thread"), {
      workerData,
      // Decoded events live for the length of a batch: room for them to die young.
      resourceLimits: { maxYoungGenerationSizeMb: 64 },
    });
    this.thread.on("message", (message: FromFollower) => this.receive(message));
    this.thread.on("error", (error) =>
      this.fail(assayError("internal", `The follower stopped: ${error.message}`, { cause: error })),
    );
    this.exited = new Promise((resolve) => {
      this.thread.once("exit", () => {
        this.fail(assayError("shutting_down", "The follower has stopped."));
        resolve();
      });
    });
  }

  /** Resolves when the thread follows; rejects when it cannot, or was stopped before. Questions asked before are answered then. */
  get ready(): Promise<void> {
    return this.follows.promise;
  }

  /** New batches are in the journal. */
  hint(batchSeq: number): void {
    this.pause.committed(batchSeq);
  }

  async stop(): Promise<void> {
    this.pause.end();
    this.post({ type: "stop" });
    await this.exited;
  }

  runs = (...args: Parameters<ReadModel["runs"]>): Promise<Page<RunView>> => this.call("runs", args);
  run = (...args: Parameters<ReadModel["run"]>): Promise<RunView | null> => this.call("run", args);
  tasks = (...args: Parameters<ReadModel["tasks"]>): Promise<Page<TaskView>> => this.call("tasks", args);
  task = (...args: Parameters<ReadModel["task"]>): Promise<TaskView | null> => this.call("task", args);
  attempts = (...args: Parameters<ReadModel["attempts"]>): Promise<Page<AttemptView>> => this.call("attempts", args);
  workers = (...args: Parameters<ReadModel["workers"]>): Promise<Page<WorkerView>> => this.call("workers", args);
  results = (...args: Parameters<ReadModel["results"]>): Promise<Page<ResultView>> => this.call("results", args);
  artifacts = (...args: Parameters<ReadModel["artifacts"]>): Promise<Page<ArtifactView>> =>
    this.call("artifacts", args);
  tests = (...args: Parameters<ReadModel["tests"]>): Promise<Page<TestView>> => this.call("tests", args);
  knownTests = (...args: Parameters<ReadModel["knownTests"]>): Promise<KnownTest[]> => this.call("knownTests", args);
  evidenceSince = (...args: Parameters<ReadModel["evidenceSince"]>): Promise<TestEvidence[]> =>
    this.call("evidenceSince", args);
  sql = (...args: Parameters<ReadModel["sql"]>): Promise<SqlResponse> => this.call("sql", args);
  feed = async (...args: Parameters<ReadModel["feed"]>): Promise<{ events: FeedEvent[]; nextSeq: number }> =>
    this.options.tail.feed(...args) ?? this.call("feed", args);
  grown = (...args: Parameters<ReadModel["grown"]>): Promise<void> => this.options.tail.grown(...args);
  saveSnapshot = (): Promise<void> => this.call("saveSnapshot", []);

  async stateHash(): Promise<StateHashResponse> {
    const { seq, hash } = this.options.leaderHash();
    const replay = await this.call<string>("hashAt", [seq]);
    return { seq, leader: hash, replay, equal: hash === replay };
  }

  private call<Value>(method: FollowerMethod, args: unknown[]): Promise<Value> {
    if (this.failure) return Promise.reject(this.failure);
    const id = this.nextId;
    this.nextId += 1;
    this.pause.end();
    this.post({ type: "call", id, method, args, afterSeq: this.options.committedSeq() });
    return new Promise((resolve, reject) =>
      this.calls.set(id, { resolve: resolve as (value: unknown) => void, reject }),
    );
  }

  private post(message: ToFollower): void {
    this.thread.postMessage(message);
  }

  private receive(message: FromFollower): void {
    switch (message.type) {
      case "ready":
        return this.follows.resolve();
      case "projected":
        return this.options.onProjected(message.seq);
      case "patterns":
        return this.options.onPatterns(message.patterns, message.seq);
      case "muted":
        return this.options.onMuted(message.tests);
      case "trouble":
        return this.options.onTrouble(revive(message.error));
      case "failed":
        return this.fail(revive(message.error));
      case "answer":
        this.calls.get(message.id)?.resolve(message.value);
        this.calls.delete(message.id);
        return;
      case "error":
        this.calls.get(message.id)?.reject(revive(message.error));
        this.calls.delete(message.id);
    }
  }

  private fail(error: AssayError): void {
    if (this.failure) return;
    this.failure = error;
    this.follows.reject(error);
    for (const call of this.calls.values()) call.reject(error);
    this.calls.clear();
    if (error.code !== "shutting_down") this.options.onFailed(error);
  }
}

function revive(error: PlainError): AssayError {
  return new AssayError(error.code, error);
}
