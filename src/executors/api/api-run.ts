import type { OutgoingHttpHeaders } from "node:http";
import type { Clock } from "../../base/index.ts";
import { errorMessage } from "../../base/index.ts";
import type { ApiConfig } from "../../contracts/index.ts";
import { AnswerBody } from "./answer-body.ts";
import { AnswerCheck } from "./answer-check.ts";
import type { ApiOutcome } from "./api-report.ts";
import { apiOutcome, notSent } from "./api-report.ts";
import type { AnswerHead, AnswerReader, Call } from "./exchange.ts";
import { ACCEPTED_ENCODINGS, Connections } from "./exchange.ts";
import type { Excerpt } from "./excerpt.ts";
import { excerpts } from "./excerpt.ts";
import { judged, limitsOf, tooFewRequests } from "./latency-limits.ts";
import type { LoadPlan } from "./load.ts";
import { applyLoad, loadPlan } from "./load.ts";
import { ProblemError } from "./problem.ts";
import { redirected } from "./redirects.ts";
import { Tally } from "./tally.ts";

const PROGRESS_EVERY_MS = 250;
const BYTES_PER_MB = 1e6;

/** What is to be done, secrets filled in. */
export interface ApiOrder {
  config: ApiConfig;
  /** As they are sent. */
  headers: Record<string, string>;
  /** Names of the headers that hold secrets, in lower case. */
  secretHeaders: readonly string[];
  /** By the names of their variables. */
  secrets: Record<string, string>;
}

/** How far a run is. */
export interface ApiProgress {
  done: number;
  total: number;
  failed: number;
}

export interface ApiSurroundings {
  clock: Clock;
  /** Ends the run; what came until then is told. */
  signal: AbortSignal;
  onProgress: (progress: ApiProgress) => void;
}

/** Sends the requests of one task and judges the answers. */
export async function runApi(order: ApiOrder, surroundings: ApiSurroundings): Promise<ApiOutcome> {
  const { config } = order;
  const plan = loadPlan(config.load);
  const limits = limitsOf(config.expect);
  const open = tooFewRequests(limits, plan.total);
  if (open !== undefined) return notSent(open);
  const excerpt = excerpts(order.secrets);
  let check: AnswerCheck;
  try {
    check = new AnswerCheck(config.expect, excerpt);
  } catch (error) {
    return notSent({ class: "setup", reason: "invalid_schema", message: errorMessage(error) });
  }
  const { clock, signal } = surroundings;
  const connections = new Connections({ most: plan.concurrency, clock, signal });
  try {
    const run = new Requests({ order, check, excerpt, connections, surroundings });
    const warmup = { total: config.load.warmup_requests, concurrency: plan.concurrency, intervalMs: undefined };
    if (warmup.total > 0) await run.apply(warmup);
    const startMs = clock.monotonicMs();
    const tally = await run.apply(plan);
    return apiOutcome({ config, plan, tally, limits: judged(limits, tally), elapsedMs: clock.monotonicMs() - startMs });
  } finally {
    connections.close();
  }
}

interface RequestsOptions {
  order: ApiOrder;
  check: AnswerCheck;
  excerpt: Excerpt;
  connections: Connections;
  surroundings: ApiSurroundings;
}

class Requests {
  private readonly options: RequestsOptions;
  private readonly secretHeaders: ReadonlySet<string>;
  private readonly call: Call;

  constructor(options: RequestsOptions) {
    this.options = options;
    this.secretHeaders = new Set(options.order.secretHeaders);
    this.call = firstCall(options.order);
  }

  async apply(plan: LoadPlan): Promise<Tally> {
    const { clock, signal, onProgress } = this.options.surroundings;
    const tally = new Tally();
    let toldMs = clock.monotonicMs();
    let done = 0;
    const one = async (startMs: number): Promise<void> => {
      await this.one(startMs, tally);
      done += 1;
      const now = clock.monotonicMs();
      if (now - toldMs < PROGRESS_EVERY_MS) return;
      toldMs = now;
      onProgress({ done, total: plan.total, failed: tally.failed });
    };
    await applyLoad(plan, one, { clock, isOver: () => signal.aborted || tally.isHopeless });
    return tally;
  }

  private async one(startMs: number, tally: Tally): Promise<void> {
    const { order, check, excerpt, surroundings } = this.options;
    const { clock, signal } = surroundings;
    const body = new AnswerBody({ check, stream: order.config.stream, excerpt });
    tally.begin(clock.monotonicMs() - startMs);
    try {
      const head = await this.follow(body);
      tally.answer(head, { latencyMs: clock.monotonicMs() - startMs, bytes: body.bytes });
      const times = body.judge(head);
      if (times !== undefined) tally.stream(times, startMs);
    } catch (error) {
      // Not the endpoint's doing.
      if (signal.aborted) return void (tally.sent -= 1);
      if (!(error instanceof ProblemError)) throw error;
      const problem = { kind: error.kind, message: excerpt(error.message) };
      tally.problem(problem, clock.monotonicMs() - startMs);
    }
  }

  /** The request, and those to which its answers point. The time limit is for all together. */
  private async follow(reader: AnswerReader): Promise<AnswerHead> {
    const { order, connections, surroundings } = this.options;
    const { request_timeout_seconds, max_body_mb, max_redirects } = order.config;
    const deadlineMs = surroundings.clock.monotonicMs() + request_timeout_seconds * 1000;
    const limits = { deadlineMs, maxBodyBytes: max_body_mb * BYTES_PER_MB };
    let { call } = this;
    for (let left = max_redirects; ; left--) {
      const head = await connections.send(call, limits, reader);
      if (max_redirects === 0) return head;
      const next = redirected(call, head, this.secretHeaders);
      if (next === undefined) return head;
      if (left === 0) throw new ProblemError("redirect", `more than ${max_redirects} redirects`);
      call = next;
    }
  }
}

function firstCall({ config, headers }: ApiOrder): Call {
  const { json, text } = config.body ?? {};
  const content = json === undefined ? text : JSON.stringify(json);
  const body = content === undefined ? undefined : Buffer.from(content);
  const defaults: OutgoingHttpHeaders = {
    accept: config.stream ? "text/event-stream" : "*/*",
    "accept-encoding": ACCEPTED_ENCODINGS,
    "user-agent": "assay",
    ...(json === undefined ? {} : { "content-type": "application/json" }),
  };
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const kept = Object.fromEntries(Object.entries(defaults).filter(([name]) => !given.has(name)));
  const length = body === undefined ? {} : { "content-length": body.length };
  return { url: new URL(config.url), method: config.method, headers: { ...kept, ...headers, ...length }, body };
}
