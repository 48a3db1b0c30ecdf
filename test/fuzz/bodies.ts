import { Writable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import type { Rng } from "../../src/base/index.ts";
import { taskTypes } from "../../src/contracts/index.ts";
import { openFolderBlobStore } from "../../src/coordinator/blobs/folder-blob-store.ts";
import type { ReadModel } from "../../src/coordinator/control.ts";
import { createHttpApi } from "../../src/coordinator/http/http-api.ts";
import { LeaderControl } from "../../src/coordinator/leader-control.ts";
import type { Findings } from "./findings.ts";
import type { FuzzCoordinator } from "./fuzz-coordinator.ts";
import { mutate, mutateBytes, pick } from "./mutations.ts";

const NO_LIMIT = 1_000_000_000;
const MUTATED = 0.4;
const SPOILT = 0.1;
const MAX_OPEN_TASKS = 300;

interface Call {
  method: "GET" | "POST" | "PUT" | "DELETE";
  url: string;
  body?: Record<string, unknown>;
}

/** The production REST API over a fuzzed coordinator, asked with bodies and addresses that are seldom right. */
export class FuzzApi {
  private readonly app: FastifyInstance;
  private readonly token: string;
  private readonly coordinator: FuzzCoordinator;
  private readonly findings: Findings;
  private readonly rng: Rng;
  private runs = 0;

  private constructor(parts: FuzzApiParts, app: FastifyInstance, token: string) {
    this.app = app;
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
      sql: bound("sql"),
      feed: async (after) => ({ events: [], nextSeq: after }),
      grown: async () => undefined,
      stateHash: async () => ({ seq: 0, leader: "", replay: "", equal: true }),
    };
    const control = new LeaderControl({
      leader: () => coordinator.leader,
      readModel,
      committedSeq: () => coordinator.committedSeq,
      clock,
      startedAtMs: clock.nowMs(),
      randomBytes: (count) => new Uint8Array(count).fill((made += 1) % 256),
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
    return new FuzzApi(parts, app, (await asked).token);
  }

  /** Sends one request; resolves when the coordinator's turn that answers it was taken. */
  async act(): Promise<void> {
    const { rng, findings } = this;
    const { method, url, body } = this.call();
    let payload: string | Buffer | undefined;
    if (body) {
      if (rng.next() < MUTATED) mutate(rng, body);
      payload = JSON.stringify(body);
      if (rng.next() < SPOILT) payload = Buffer.from(mutateBytes(rng, Buffer.from(payload)));
    }
    const headers = {
      authorization: `Bearer ${rng.next() < 0.02 ? "wrong" : this.token}`,
      ...(payload === undefined ? {} : { "content-type": rng.next() < 0.02 ? "text/plain" : "application/json" }),
      ...(rng.next() < 0.1 ? { "idempotency-key": pick(rng, ["k", "\u00ff", "x".repeat(300), ""]) } : {}),
    };
    findings.bodies += 1;
    const asked = this.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
    const answered = asked.then(
      ({ statusCode, body: text }) => this.answered(`${method} ${url}`, { statusCode, text, payload }),
      (error: unknown) => findings.crash(`${method} ${url}`, error),
    );
    let over = false;
    void answered.finally(() => (over = true));
    while (!over) await this.coordinator.turn(1);
  }

  async close(): Promise<void> {
    await this.app.close();
  }

  private answered(
    what: string,
    { statusCode, text, payload }: { statusCode: number; text: string; payload: string | Buffer | undefined },
  ): void {
    const { answered } = this.findings;
    answered[statusCode] = (answered[statusCode] ?? 0) + 1;
    if (statusCode >= 500)
      this.findings.crash(`${what} answered ${statusCode}`, `${text}\n${String(payload).slice(0, 600)}`);
  }

  private call(): Call {
    const { rng } = this;
    const runs = [...this.coordinator.leader.state.runs.values()];
    const run = runs.length > 0 ? pick(rng, runs) : undefined;
    const runId = encodeURIComponent(rng.next() < 0.8 && run ? run.runId : pick(rng, STRANGE_NAMES));
    const task = run && run.tasks.size > 0 ? pick(rng, [...run.tasks.keys()]) : "none";
    const taskId = encodeURIComponent(task);
    const { counts } = this.coordinator.leader.state;
    const kind = rng.below(100);
    if (kind < 50 && counts.waiting + counts.running < MAX_OPEN_TASKS) return this.submission();
    if (kind < 62) return { method: "POST", url: `/api/v1/runs/${runId}/cancel`, body: { reason: "fuzz" } };
    if (kind < 68) return { method: "POST", url: `/api/v1/tasks/${runId}/${taskId}/cancel`, body: { reason: "fuzz" } };
    if (kind < 72) return { method: "GET", url: `/api/v1/tasks/${runId}/${taskId}/explain` };
    if (kind < 76) return { method: "POST", url: `/api/v1/workers/w${rng.below(8)}/drain`, body: { reason: "fuzz" } };
    if (kind < 82) return this.share();
    if (kind < 84)
      return { method: "POST", url: "/api/v1/tokens", body: { role: "viewer", name: "v", expires_in_seconds: 60 } };
    if (kind < 88) return { method: "POST", url: "/api/v1/query", body: { sql: pick(rng, SQL), max_rows: 10 } };
    return { method: "GET", url: pick(rng, LISTS) + pick(rng, QUERIES) };
  }

  private share(): Call {
    const body = { weight: 1 + this.rng.below(9), max_running: 50 };
    return {
      method: "PUT",
      url: `/api/v1/shares/${pick(this.rng, ["user", "pool", "x"])}/p${this.rng.below(3)}`,
      body,
    };
  }

  private submission(): Call {
    const { rng } = this;
    this.runs += 1;
    const tasks = Array.from({ length: 1 + rng.below(6) }, (_, index) => this.task(index));
    return { method: "POST", url: "/api/v1/runs", body: { name: `run-${this.runs}`, wait_for_capacity: true, tasks } };
  }

  private task(index: number): Record<string, unknown> {
    const { rng } = this;
    const maybe = (field: string, value: unknown): object => (rng.next() < 0.15 ? { [field]: value } : {});
    const type = rng.next() < 0.8 ? "command" : pick(rng, taskTypes);
    return {
      task_id: `t${index}`,
      type,
      config: type === "model" ? { model: "tiny-bert" } : { command: "true" },
      ...maybe("depends_on", index > 0 ? [`t${index - 1}`] : []),
      ...maybe("priority", rng.below(4)),
      ...maybe("retry", { max_attempts: 1 + rng.below(4) }),
      ...maybe("timeout_seconds", 1 + rng.below(1_000)),
      ...maybe("resources", { cpu: rng.below(4), memory_gb: rng.below(8) }),
      ...maybe("requirements", { hardware: ["cpu"], labels: { a: "b" } }),
      ...maybe("fallback", [{ after_seconds: rng.below(5), requirements: { hardware: ["cpu"] } }]),
      ...maybe("group", "g"),
      ...maybe("hedge", true),
    };
  }
}

export interface FuzzApiParts {
  coordinator: FuzzCoordinator;
  findings: Findings;
  rng: Rng;
  /** For blobs. */
  folder: string;
}

const STRANGE_NAMES = ["none", "__proto__", "constructor", "..", "%00", "x".repeat(700), "ü", "a/b"];
const LISTS = ["runs", "tasks", "attempts", "workers", "results", "artifacts", "shares", "status", "nothing"].map(
  (name) => `/api/v1/${name}`,
);
const QUERIES = [
  "",
  "?limit=1",
  "?limit=0",
  "?limit=1e999",
  "?limit=NaN",
  "?cursor=%FF%FE",
  "?cursor=eyJhIjoxfQ",
  "?run_id=__proto__",
  "?run_id=a&run_id=b",
  "?__proto__[a]=1",
  "?status=running&state=running",
  "?name=%00",
  "?x=%E0%A4%A",
];
const SQL = [
  "select 1",
  "select * from results",
  "select",
  "drop table results",
  "select 1; select 2",
  "select * from read_csv('/etc/passwd')",
  "pragma database_list",
  "select 1e400, 'NaN'::double, 'inf'::double",
  "select repeat('x', 100000)",
  "copy results to '/tmp/x'",
  "select '\u0000'",
  "install httpfs",
  "select sum(a) from range(100000) t(a)",
];
