import type { z } from "zod";
import {
  artifactView,
  assayError,
  attemptView,
  createJoinCodeResponse,
  createTokenResponse,
  explanation,
  joinResponse,
  knownTestsResponse,
  mute,
  mutesResponse,
  page,
  patternsResponse,
  patternView,
  resultView,
  runView,
  sharesResponse,
  shareView,
  sqlResponse,
  stateHashResponse,
  statusResponse,
  submitRunResponse,
  tabView,
  taskView,
  templatesResponse,
  templateView,
  testView,
  tokensResponse,
  workerCommandsResponse,
  workerCommandView,
  workerView,
} from "../contracts/index.ts";
import type {
  ArtifactView,
  ArtifactsQuery,
  AttemptView,
  AttemptsQuery,
  BatchedBlob,
  CreateJoinCodeInput,
  CreateJoinCodeResponse,
  CreateTokenResponse,
  Explanation,
  FeedEvent,
  JoinResponse,
  KnownTest,
  KnownTestsInput,
  Mute,
  MuteRequestInput,
  MuteView,
  PatternRequestInput,
  PatternView,
  ResultView,
  ResultsQuery,
  Role,
  RunView,
  RunsQuery,
  ShareKind,
  ShareRequestInput,
  ShareView,
  SqlResponse,
  StateHashResponse,
  StatusResponse,
  SubmitRunInput,
  SubmitRunResponse,
  TabView,
  TaskView,
  TasksQuery,
  TemplateInput,
  TemplateSummary,
  TemplateView,
  TestView,
  TestsQuery,
  TokenView,
  WorkerCommandInput,
  WorkerCommandView,
  WorkerView,
  WorkersQuery,
} from "../contracts/index.ts";
import { BlobCalls } from "./blob-calls.ts";
import type { BlobSource } from "./blob-calls.ts";
import { followEvents } from "./event-source.ts";
import { Http, lines, persistently } from "./http.ts";
import type { HttpOptions } from "./http.ts";
import { parseLog } from "./log-lines.ts";
import type { LogChunk } from "./log-lines.ts";

export type ClientOptions = HttpOptions;
/** Filters of a list; the pages are the client's business. */
type Filters<Query> = { [Key in Exclude<keyof Query, "limit" | "cursor">]?: Query[Key] | undefined };
export interface EventsQuery {
  /** Sequence of the last event already seen. */
  after: number;
  run_id?: string | undefined;
  /** Only events of this type. */
  type?: string | undefined;
}
export interface LogsQuery {
  runId: string;
  taskId: string;
  /** The newest one when absent. */
  attempt?: number | undefined;
  /** Goes on until the attempt ends. */
  follow?: boolean | undefined;
}

const PAGE = 1_000;

/** A coordinator's API. Every call rejects with an AssayError that carries the coordinator's code, message and next step. */
export function createClient(options: ClientOptions): Client {
  return new Client(new Http(options));
}

export class Client {
  private readonly http: Http;
  private readonly blobs: BlobCalls;

  constructor(http: Http) {
    this.http = http;
    this.blobs = new BlobCalls(http);
  }

  /** Submits a run. Tried again when the connection breaks, under the same key, so that it is accepted once. */
  async submitRun(
    request: SubmitRunInput,
    { idempotencyKey = crypto.randomUUID() }: { idempotencyKey?: string } = {},
  ): Promise<SubmitRunResponse> {
    const call = { method: "POST" as const, body: request, headers: { "idempotency-key": idempotencyKey } };
    return persistently(() => this.http.json("/api/v1/runs", submitRunResponse, call));
  }

  run(runId: string): Promise<RunView> {
    return this.http.json(`/api/v1/runs/${encodeURIComponent(runId)}`, runView);
  }

  /** Resolves with the run once it has ended; goes on through restarts of the coordinator. */
  async waitForRun(runId: string, { signal }: { signal?: AbortSignal } = {}): Promise<RunView> {
    const { seq } = await this.status();
    const run = await this.run(runId);
    if (run.state !== "running") return run;
    for await (const event of this.events({ after: seq, run_id: runId, type: "run_finished" }, signal)) {
      if (event.state !== undefined) return this.run(runId);
    }
    throw assayError("interrupted", `Waiting for run ${runId} was interrupted.`);
  }

  async cancelRun(runId: string, reason: string): Promise<void> {
    await this.http.send(`/api/v1/runs/${encodeURIComponent(runId)}/cancel`, { method: "POST", body: { reason } });
  }

  async cancelTask(runId: string, taskId: string, reason: string): Promise<void> {
    await this.http.send(`${taskPath(runId, taskId)}/cancel`, { method: "POST", body: { reason } });
  }

  /** Nothing but health checks for the worker, until it is released. */
  quarantineWorker(workerId: string, reason: string): Promise<void> {
    return this.askOfWorker(workerId, "quarantine", reason);
  }

  releaseWorker(workerId: string, reason: string): Promise<void> {
    return this.askOfWorker(workerId, "release", reason);
  }

  /** Asks something of a worker and gives the command as it stands; the same `command_id` again does nothing new. */
  commandWorker(workerId: string, request: WorkerCommandInput): Promise<WorkerCommandView> {
    return this.http.json(commandsPath(workerId), workerCommandView, { method: "POST", body: request });
  }

  /** What a worker was asked, oldest first. */
  async workerCommands(workerId: string): Promise<WorkerCommandView[]> {
    return (await this.http.json(commandsPath(workerId), workerCommandsResponse)).items;
  }

  task(runId: string, taskId: string): Promise<TaskView> {
    return this.http.json(taskPath(runId, taskId), taskView);
  }

  explain(runId: string, taskId: string): Promise<Explanation> {
    return this.http.json(`${taskPath(runId, taskId)}/explain`, explanation);
  }

  runs(filters: Filters<RunsQuery> = {}): AsyncGenerator<RunView> {
    return this.all("/api/v1/runs", runView, filters);
  }

  tasks(filters: Filters<TasksQuery> = {}): AsyncGenerator<TaskView> {
    return this.all("/api/v1/tasks", taskView, filters);
  }

  attempts(filters: Filters<AttemptsQuery> = {}): AsyncGenerator<AttemptView> {
    return this.all("/api/v1/attempts", attemptView, filters);
  }

  workers(filters: Filters<WorkersQuery> = {}): AsyncGenerator<WorkerView> {
    return this.all("/api/v1/workers", workerView, filters);
  }

  results(filters: Filters<ResultsQuery> = {}): AsyncGenerator<ResultView> {
    return this.all("/api/v1/results", resultView, filters);
  }

  artifacts(filters: Filters<ArtifactsQuery> = {}): AsyncGenerator<ArtifactView> {
    return this.all("/api/v1/artifacts", artifactView, filters);
  }

  /** What became of tests, attempt by attempt. */
  tests(filters: Filters<TestsQuery> = {}): AsyncGenerator<TestView> {
    return this.all("/api/v1/tests", testView, filters);
  }

  /** What earlier runs say of tests: how long they take, how they ended, whether they are flaky. Those that never ran are left out. */
  async knownTests(request: KnownTestsInput): Promise<KnownTest[]> {
    const call = { method: "POST" as const, body: request };
    return (await this.http.json("/api/v1/tests/known", knownTestsResponse, call)).items;
  }

  /** Tests that fail no run, oldest first, and what they have shown since. */
  async mutes(): Promise<MuteView[]> {
    return (await this.http.json("/api/v1/mutes", mutesResponse)).items;
  }

  /** Mutes a test; one that is muted already gets this owner, reason and end. */
  muteTest(request: MuteRequestInput): Promise<Mute> {
    return this.http.json("/api/v1/mutes", mute, { method: "POST", body: request });
  }

  async unmuteTest(muteId: string): Promise<void> {
    await this.http.send(`/api/v1/mutes/${encodeURIComponent(muteId)}`, { method: "DELETE" });
  }

  /** The content of an artifact. */
  async artifactContent(sha256: string): Promise<Uint8Array> {
    const response = await this.http.response(`/api/v1/artifacts/${sha256}/content`);
    return new Uint8Array(await this.http.read(() => response.arrayBuffer()));
  }

  /** Which of these blobs the coordinator lacks. */
  missingBlobs(sha256s: Iterable<string>): Promise<string[]> {
    return this.blobs.missing(sha256s);
  }

  /**
   * Stores blobs, small ones many at a time, and settles when they are safe. Each is stored once however often it is sent; of those that
   * came before a failure some may be stored.
   */
  putBlobs(blobs: Iterable<BatchedBlob> | AsyncIterable<BatchedBlob>): Promise<void> {
    return this.blobs.putAll(blobs);
  }

  /** Stores one blob that is too large for memory. A stream is not sent again when the connection breaks, other sources are. */
  putBlob(sha256: string, source: BlobSource, sizeBytes: number): Promise<void> {
    return this.blobs.put(sha256, source, sizeBytes);
  }

  /** What happens, as it happens. */
  events(query: EventsQuery, signal?: AbortSignal): AsyncGenerator<FeedEvent> {
    return followEvents(this.http, query, signal);
  }

  /** The output of an attempt. Without `follow` all of it is one stream, as far as it can be told apart. */
  async *logs({ runId, taskId, attempt, follow = false }: LogsQuery, signal?: AbortSignal): AsyncGenerator<LogChunk> {
    const query = { attempt, follow: follow ? 1 : 0 };
    const response = await this.http.response(`${taskPath(runId, taskId)}/logs`, { query, signal });
    if (!response.body) return;
    if (follow) return yield* parseLog(lines(response.body));
    const decoder = new TextDecoder();
    for await (const bytes of response.body) yield { stream: "stdout", text: decoder.decode(bytes, { stream: true }) };
  }

  sql(sql: string, maxRows = PAGE): Promise<SqlResponse> {
    return this.http.json("/api/v1/query", sqlResponse, { method: "POST", body: { sql, max_rows: maxRows } });
  }

  /** What pools and users are due, hold and wait for. */
  async shares(): Promise<ShareView[]> {
    return (await this.http.json("/api/v1/shares", sharesResponse)).items;
  }

  /** Sets a share as a whole: what is left out gets its default. */
  setShare(kind: ShareKind, name: string, share: ShareRequestInput): Promise<ShareView> {
    const path = `/api/v1/shares/${kind}/${encodeURIComponent(name)}`;
    return this.http.json(path, shareView, { method: "PUT", body: share });
  }

  /** What fails more often than chance explains, and what is done about it. */
  async patterns(): Promise<PatternView[]> {
    return (await this.http.json("/api/v1/patterns", patternsResponse)).items;
  }

  setPattern(patternId: string, change: PatternRequestInput): Promise<PatternView> {
    const path = `/api/v1/patterns/${encodeURIComponent(patternId)}`;
    return this.http.json(path, patternView, { method: "PUT", body: change });
  }

  /** The newest version of each template that the coordinator keeps; those that are built in are not among them. */
  async templates(): Promise<TemplateSummary[]> {
    return (await this.http.json("/api/v1/templates", templatesResponse)).items;
  }

  /** A version of a template, the newest unless one is named. */
  template(name: string, version?: number): Promise<TemplateView> {
    return this.http.json(templatePath(name), templateView, { query: { version } });
  }

  /** Adds a version; the newest one comes back when it is the same document. */
  addTemplate(document: TemplateInput): Promise<TemplateView> {
    return this.http.json("/api/v1/templates", templateView, { method: "POST", body: document });
  }

  /** Its versions are gone; their numbers are not given again. */
  async removeTemplate(name: string): Promise<void> {
    await this.http.send(templatePath(name), { method: "DELETE" });
  }

  createToken(request: { role: Role; name: string; expires_in_seconds?: number | null }): Promise<CreateTokenResponse> {
    return this.http.json("/api/v1/tokens", createTokenResponse, { method: "POST", body: request });
  }

  /** Makes a code with which a browser's tab becomes a worker. */
  createJoinCode(request: CreateJoinCodeInput): Promise<CreateJoinCodeResponse> {
    return this.http.json("/api/v1/join-codes", createJoinCodeResponse, { method: "POST", body: request });
  }

  /** Exchanges a code for the token of a tab; needs no token itself. */
  join(code: string): Promise<JoinResponse> {
    return this.http.json("/api/v1/join", joinResponse, { method: "POST", body: { code } });
  }

  /** The worker that the token makes of a tab. */
  tab(signal?: AbortSignal): Promise<TabView> {
    return this.http.json("/api/v1/join", tabView, { signal });
  }

  /** The tokens that count: never they themselves, only what is known of them. */
  async tokens(): Promise<TokenView[]> {
    return (await this.http.json("/api/v1/tokens", tokensResponse)).items;
  }

  async revokeToken(tokenId: string): Promise<void> {
    await this.http.send(`/api/v1/tokens/${encodeURIComponent(tokenId)}`, { method: "DELETE" });
  }

  status(): Promise<StatusResponse> {
    return this.http.json("/api/v1/status", statusResponse);
  }

  stateHash(): Promise<StateHashResponse> {
    return this.http.json("/api/v1/state-hash", stateHashResponse);
  }

  private async askOfWorker(workerId: string, word: "quarantine" | "release", reason: string): Promise<void> {
    await this.http.send(`/api/v1/workers/${encodeURIComponent(workerId)}/${word}`, {
      method: "POST",
      body: { reason },
    });
  }

  private async *all<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    filters: object,
  ): AsyncGenerator<z.infer<Schema>> {
    let cursor: string | null = null;
    do {
      const query = { ...filters, limit: PAGE, cursor: cursor ?? undefined };
      const found: { items: z.infer<Schema>[]; next_cursor: string | null } = await this.http.json(path, page(schema), {
        query,
      });
      yield* found.items;
      cursor = found.next_cursor;
    } while (cursor !== null);
  }
}

function taskPath(runId: string, taskId: string): string {
  return `/api/v1/tasks/${encodeURIComponent(runId)}/${encodeURIComponent(taskId)}`;
}

function templatePath(name: string): string {
  return `/api/v1/templates/${encodeURIComponent(name)}`;
}

function commandsPath(workerId: string): string {
  return `/api/v1/workers/${encodeURIComponent(workerId)}/commands`;
}
