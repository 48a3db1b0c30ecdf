import { once } from "node:events";
import { Writable } from "node:stream";
import type { FastifyInstance, InjectOptions } from "fastify";
import { pino } from "pino";
import type { Rng } from "../../src/base/index.ts";
import type { CreateTokenResponse } from "../../src/contracts/index.ts";
import { openFolderBlobStore } from "../../src/coordinator/blobs/folder-blob-store.ts";
import type { ReadModel } from "../../src/coordinator/control.ts";
import { createHttpApi } from "../../src/coordinator/http/http-api.ts";
import { LeaderControl } from "../../src/coordinator/leader-control.ts";
import { BODIES } from "./bodies.ts";
import type { Findings } from "./findings.ts";
import type { FuzzCoordinator } from "./fuzz-coordinator.ts";
import { mutate, mutateBytes, pick } from "./mutations.ts";
import { addressOf, operationsOf } from "./operations.ts";
import type { Operation } from "./operations.ts";

/** Part of all requests that submit a run, while there is not enough to do. */
const SUBMITTED = 0.5;
/** Part of the others that go to an operation which never worked yet: refusals alone show little. */
const ASKED_AGAIN = 0.3;
const NO_LIMIT = 1_000_000_000;
const MUTATED = 0.4;
const SPOILT = 0.1;
const MAX_OPEN_TASKS = 300;

/** The production REST API over a fuzzed coordinator, asked with bodies and addresses that are seldom right. */
export class FuzzApi {
  private readonly app: FastifyInstance;
  private readonly token: CreateTokenResponse;
  private readonly operations: readonly Operation[];
  private readonly coordinator: FuzzCoordinator;
  private readonly findings: Findings;
  private readonly rng: Rng;
  private asked = 0;

  private constructor(parts: FuzzApiParts, app: FastifyInstance, token: CreateTokenResponse) {
    this.app = app;
    this.operations = [...operationsOf(app), { id: "none", method: "GET", path: "/api/v1/nothing" }];
    this.token = token;
    this.coordinator = parts.coordinator;
    this.findings = parts.findings;
    this.rng = parts.rng;
  }

  static async start(parts: FuzzApiParts): Promise<FuzzApi> {
    const { coordinator, folder } = parts;
    const { clock, results } = coordinator;
    let made = 0;
    const bound = <Name extends keyof ReadModel & keyof typeof results>(name: Name): (typeof results)[Name] =>
      results[name].bind(results) as (typeof results)[Name];
    const readModel: ReadModel = {
      runs: bound("runs"),
      run: bound("run"),
      tasks: bound("tasks"),
      task: bound("task"),
      attempts: bound("attempts"),
      workers: bound("workers"),
      results: bound("results"),
      artifacts: bound("artifacts"),
      tests: bound("tests"),
      knownTests: bound("knownTests"),
      evidenceSince: bound("evidenceSince"),
      sql: bound("sql"),
      feed: async (after) => ({ events: [], nextSeq: after }),
      grown: (_seq, signal) => once(signal, "abort").then(() => undefined),
      stateHash: async () => ({ seq: 0, leader: "", replay: "", equal: true }),
    };
    const control = new LeaderControl({
      leader: () => coordinator.leader,
      readModel,
      committedSeq: () => coordinator.committedSeq,
      clock,
      startedAtMs: clock.nowMs(),
      // The number in digits to the base of 32: codes have letters of so many kinds.
      randomBytes: (count) => {
        made += 1;
        return Uint8Array.from({ length: count }, (_, place) => Math.floor(made / 32 ** place) % 32);
      },
      newId: () => `id-${(made += 1)}`,
    });
    const sink = new Writable({ write: (_chunk, _encoding, written) => written() });
    const app = createHttpApi({
      control,
      readModel,
      liveLog: coordinator.liveLogs,
      blobs: await openFolderBlobStore(folder, clock),
      logger: pino({ level: "fatal" }, sink),
      clock,
      limits: { requestsPerSecond: NO_LIMIT, unauthenticatedPerMinute: NO_LIMIT },
    });
    await app.ready();
    const asked = control.createToken({ role: "admin", name: "fuzz", expires_in_seconds: null });
    await coordinator.turn(1);
    return new FuzzApi(parts, app, await asked);
  }

  /** Sends one request; resolves once it was answered, in no time of the coordinator's clock. */
  async act(): Promise<void> {
    const { rng, findings, coordinator } = this;
    const operation = this.nextOperation();
    const { id, method } = operation;
    const url = addressOf(rng, operation, { state: coordinator.leader.state, ownTokenId: this.token.token_id });
    const { type, payload } = this.content(id);
    const headers = {
      authorization: `Bearer ${rng.next() < 0.02 ? "wrong" : this.token.token}`,
      ...(payload === undefined ? {} : { "content-type": rng.next() < 0.02 ? "text/plain" : type }),
      ...(rng.next() < 0.1 ? { "idempotency-key": pick(rng, ["k", "\u00ff", "x".repeat(300), ""]) } : {}),
    };
    findings.bodies += 1;
    let over = false;
    void this.ask({ method, url, headers, payloadAsStream: true, ...(payload === undefined ? {} : { payload }) })
      .then(
        (answer) => this.answered(operation, { ...answer, what: `${method} ${url}`, payload }),
        (error: unknown) => findings.crash(`${method} ${url}`, error),
      )
      .finally(() => (over = true));
    while (!over) await coordinator.turn(0);
  }

  private async ask(request: InjectOptions): Promise<{ statusCode: number; text: string }> {
    const answer = await this.app.inject(request);
    const { statusCode } = answer;
    let text = "";
    // Streams of events and logs need not end by themselves.
    if (/event-stream|ndjson/.test(String(answer.headers["content-type"]))) answer.raw.res.destroy();
    else for await (const chunk of answer.stream()) text += String(chunk);
    return { statusCode, text };
  }

  async close(): Promise<void> {
    await this.app.close();
  }

  private answered(
    { id }: Operation,
    given: { what: string; statusCode: number; text: string; payload: Buffer | undefined },
  ): void {
    const { what, statusCode, text, payload } = given;
    const answered = (this.findings.answered[id] ??= {});
    answered[statusCode] = (answered[statusCode] ?? 0) + 1;
    if (statusCode >= 500)
      this.findings.crash(`${what} answered ${statusCode}`, `${text}\n${String(payload).slice(0, 600)}`);
  }

  /** A body for an operation that takes one, often spoilt. */
  private content(id: string): { type?: string; payload?: Buffer } {
    const { rng } = this;
    const body = BODIES[id]?.(rng);
    if (body === undefined) return {};
    const spoilt = (bytes: Buffer): Buffer => (rng.next() < SPOILT ? Buffer.from(mutateBytes(rng, bytes)) : bytes);
    if (Buffer.isBuffer(body)) return { type: "application/octet-stream", payload: spoilt(body) };
    if (rng.next() < MUTATED) mutate(rng, body);
    return { type: "application/json", payload: spoilt(Buffer.from(JSON.stringify(body))) };
  }

  private nextOperation(): Operation {
    const { counts } = this.coordinator.leader.state;
    const isHungry = counts.waiting + counts.running < MAX_OPEN_TASKS;
    const submission = this.operations.find(({ id }) => id === "submitRun");
    if (submission && isHungry && this.rng.next() < SUBMITTED) return submission;
    const unlucky = this.operations.filter(({ id }) => !this.findings.hasWorked(id));
    if (unlucky.length > 0 && this.rng.next() < ASKED_AGAIN) return pick(this.rng, unlucky);
    this.asked += 1;
    return this.operations[this.asked % this.operations.length] as Operation;
  }
}

export interface FuzzApiParts {
  coordinator: FuzzCoordinator;
  findings: Findings;
  rng: Rng;
  /** For blobs. */
  folder: string;
}
