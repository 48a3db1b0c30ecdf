import { AssayError, asRunId, asTaskId, asWorkerId, assert, err, isoTime, ok } from "../base/index.ts";
import type { Clock, Result } from "../base/index.ts";
import { ASSAY_VERSION, PROTOCOL_VERSION, assayError, fault, faultError, workerStates } from "../contracts/index.ts";
import type {
  CreateJoinCodeRequest,
  CreateJoinCodeResponse,
  CreateTokenRequest,
  CreateTokenResponse,
  Explanation,
  Fault,
  JoinResponse,
  Mute,
  MuteRequest,
  MuteView,
  PatternRequest,
  PatternView,
  ShareKind,
  ShareRequest,
  ShareView,
  StatusResponse,
  SubmitRunRequest,
  SubmitRunResponse,
  Template,
  TemplateSummary,
  TemplateView,
  TokenView,
  WorkerCommandRequest,
  WorkerCommandView,
} from "../contracts/index.ts";
import { newJoinCode, newToken, readJoinCode, tokenDigest } from "../auth/index.ts";
import {
  commandsOf,
  explain,
  mutesOf,
  patternsOf,
  sharesOf,
  templateAt,
  templatesOf,
  templateView,
  tokensOf,
} from "../scheduler/index.ts";
import type { Actor, Control, Holder, ReadModel } from "./control.ts";
import type { Leader } from "./leader.ts";
import { survey, surveyAll } from "./survey.ts";
import { unfitTask, unfitTemplate } from "./task-size.ts";

/** To walk to the other device and scan. */
const JOIN_CODE_MS = 10 * 60_000;
/** After that a tab needs a new code. */
const TAB_TOKEN_MS = 7 * 24 * 3_600_000;
/** `tab-` and the first part of a UUID. */
const MADE_UP_NAME_LENGTH = 12;

export interface LeaderControlOptions {
  /** The present leader, or why there is none. */
  leader: () => Leader | AssayError;
  readModel: ReadModel;
  /** Sequence of the last committed event. */
  committedSeq: () => number;
  clock: Clock;
  startedAtMs: number;
  randomBytes: (count: number) => Uint8Array;
  newId: () => string;
}

/** What clients ask of the leader, as commands. */
export class LeaderControl implements Control {
  private readonly options: LeaderControlOptions;

  constructor(options: LeaderControlOptions) {
    this.options = options;
  }

  authenticate(token: string): Result<Actor, Fault> {
    return this.holder(token)();
  }

  holder(token: string): Holder {
    const sha256 = tokenDigest(token);
    return () => this.actorOf(sha256);
  }

  async submitRun(
    request: SubmitRunRequest,
    origin: { by: Actor; idempotencyKey: string | null },
  ): Promise<SubmitRunResponse> {
    const { tasks, ...rest } = request;
    const taskPrint = surveyAll(tasks, (found, index) => {
      const task = tasks[index];
      const problem = task && unfitTask(task, found, `tasks[${index}]`);
      if (problem) throw faultError(problem);
    });
    const reply = await this.leading().ask({
      type: "submit_run",
      runId: asRunId(this.options.newId()),
      name: request.name,
      submittedBy: origin.by.name,
      // Keys are the submitter's own: two submitters may choose the same.
      idempotencyKey: origin.idempotencyKey === null ? null : `${origin.by.tokenId}/${origin.idempotencyKey}`,
      digest: survey({ ...rest, tasks: taskPrint }).fingerprint,
      waitForCapacity: request.wait_for_capacity,
      pool: request.pool,
      tasks,
    });
    assert(reply.type === "run_accepted", "a submission is accepted or refused");
    return { run_id: reply.runId, tasks: reply.tasks, duplicate: reply.duplicate };
  }

  async cancelRun(runId: string, origin: { by: Actor; reason: string }): Promise<void> {
    const leader = this.leading();
    if (!leader.state.runs.has(asRunId(runId)) && (await this.options.readModel.run(runId))) return;
    await leader.ask({ type: "cancel_run", runId: asRunId(runId), by: origin.by.name, reason: origin.reason });
  }

  async cancelTask(task: { runId: string; taskId: string }, origin: { by: Actor; reason: string }): Promise<void> {
    const leader = this.leading();
    const { runId, taskId } = task;
    if (!leader.state.runs.has(asRunId(runId)) && (await this.options.readModel.task(runId, taskId))) return;
    await leader.ask({
      type: "cancel_task",
      runId: asRunId(runId),
      taskId: asTaskId(taskId),
      by: origin.by.name,
      reason: origin.reason,
    });
  }

  async commandWorker(
    workerId: string,
    { command_id: commandId = this.options.newId(), ...request }: WorkerCommandRequest,
    origin: { by: Actor },
  ): Promise<WorkerCommandView> {
    const { action, reason, version, deadline_seconds: seconds } = request;
    const deadlineMs = seconds === null ? null : Math.round(seconds * 1000);
    const asked = { workerId: asWorkerId(workerId), commandId, action, deadlineMs, version, reason };
    await this.leading().ask({ type: "command_worker", ...asked, by: origin.by.name });
    const found = this.workerCommands(workerId).find((one) => one.command_id === commandId);
    assert(found, "a command that was given is known");
    return found;
  }

  workerCommands(workerId: string): WorkerCommandView[] {
    const commands = commandsOf(this.leading().state, asWorkerId(workerId));
    if (!commands) throw assayError("not_found", `No worker has the id ${workerId}.`);
    return commands;
  }

  async quarantineWorker(workerId: string, origin: { by: Actor; reason: string }): Promise<void> {
    const { by, reason } = origin;
    await this.leading().ask({ type: "quarantine_worker", workerId: asWorkerId(workerId), by: by.name, reason });
  }

  async releaseWorker(workerId: string, origin: { by: Actor; reason: string }): Promise<void> {
    const { by, reason } = origin;
    await this.leading().ask({ type: "release_worker", workerId: asWorkerId(workerId), by: by.name, reason });
  }

  shares(): ShareView[] {
    return sharesOf(this.leading().state);
  }

  async setShare(share: { kind: ShareKind; name: string } & ShareRequest, origin: { by: Actor }): Promise<ShareView> {
    const leader = this.leading();
    const { kind, name, weight, max_running: maxRunning } = share;
    await leader.ask({ type: "set_share", kind, name, weight, maxRunning, by: origin.by.name });
    const found = sharesOf(leader.state).find((one) => one.kind === kind && one.name === name);
    assert(found, "a share that was set is known");
    return found;
  }

  patterns(): PatternView[] {
    return patternsOf(this.leading().state);
  }

  async setPattern(change: { patternId: string } & PatternRequest, origin: { by: Actor }): Promise<PatternView> {
    const leader = this.leading();
    const { patternId, action, reason } = change;
    await leader.ask({ type: "set_pattern", patternId, action, by: origin.by.name, reason });
    const found = patternsOf(leader.state).find(({ pattern_id }) => pattern_id === patternId);
    assert(found, "a pattern that was set is known");
    return found;
  }

  templates(): TemplateSummary[] {
    return templatesOf(this.leading().state);
  }

  template(name: string, version?: number): TemplateView | null {
    const found = templateAt(this.leading().state, name, version);
    return found === undefined ? null : templateView(found);
  }

  async addTemplate(template: Template, { by }: { by: Actor }): Promise<TemplateView> {
    const problem = unfitTemplate(template, survey(template));
    if (problem) throw faultError(problem);
    const reply = await this.leading().ask({ type: "add_template", template, by: by.name });
    assert(reply.type === "template_added", "a template is added or refused");
    return templateView(reply.added);
  }

  async removeTemplate(name: string, { by }: { by: Actor }): Promise<void> {
    await this.leading().ask({ type: "remove_template", name, by: by.name });
  }

  async mutes(): Promise<MuteView[]> {
    const mutes = mutesOf(this.leading().state);
    const found = await this.options.readModel.evidenceSince(mutes);
    return mutes.flatMap(({ mute }, index) => {
      const evidence = found[index];
      return evidence === undefined ? [] : { ...mute, evidence };
    });
  }

  async muteTest(request: MuteRequest, { by }: { by: Actor }): Promise<Mute> {
    const { framework, directory, test_id: testId, owner = by.name, reason, until } = request;
    const untilMs = until === null ? null : Date.parse(until);
    const asked = { test: { framework, directory, testId }, owner, reason, untilMs, by: by.name };
    const reply = await this.leading().ask({ type: "mute_test", ...asked });
    assert(reply.type === "test_muted", "a test is muted or that is refused");
    return reply.mute;
  }

  async unmuteTest(muteId: string, { by }: { by: Actor }): Promise<void> {
    await this.leading().ask({ type: "unmute_test", muteId, by: by.name });
  }

  async createJoinCode({ name, pool }: CreateJoinCodeRequest): Promise<CreateJoinCodeResponse> {
    const { randomBytes, newId, clock } = this.options;
    const code = newJoinCode(randomBytes);
    const expiresAtMs = clock.nowMs() + JOIN_CODE_MS;
    const workerId = asWorkerId(`tab-${newId()}`);
    const made = { name: name ?? workerId.slice(0, MADE_UP_NAME_LENGTH), tab: { workerId, pool } };
    const secret = { tokenId: newId(), sha256: tokenDigest(code), expiresAtMs };
    await this.leading().ask({ type: "create_token", role: "join_code", ...secret, ...made });
    return { code, worker_id: workerId, name: made.name, pool, expires_at: isoTime(expiresAtMs) };
  }

  async join(typed: string): Promise<JoinResponse> {
    const { randomBytes, newId, clock } = this.options;
    const token = newToken("tab", randomBytes);
    const expiresAtMs = clock.nowMs() + TAB_TOKEN_MS;
    const secret = { tokenId: newId(), sha256: tokenDigest(token), expiresAtMs };
    const leader = this.leading();
    await leader.ask({ type: "redeem_join_code", codeSha256: tokenDigest(readJoinCode(typed)), token: secret });
    const record = leader.state.tokens.get(secret.sha256);
    assert(record?.role === "tab", "a code that was exchanged made the token of a tab");
    const { workerId, pool } = record.tab;
    return { token, worker_id: workerId, name: record.name, pool, expires_at: isoTime(expiresAtMs) };
  }

  tokens(): TokenView[] {
    return tokensOf(this.leading().state, this.options.clock.nowMs());
  }

  async createToken(request: CreateTokenRequest): Promise<CreateTokenResponse> {
    const { role, name } = request;
    const token = newToken(role, this.options.randomBytes);
    const tokenId = this.options.newId();
    const expiresAtMs =
      request.expires_in_seconds === null ? null : this.options.clock.nowMs() + request.expires_in_seconds * 1000;
    await this.leading().ask({ type: "create_token", tokenId, sha256: tokenDigest(token), role, name, expiresAtMs });
    return { token_id: tokenId, token, role, name, expires_at: expiresAtMs === null ? null : isoTime(expiresAtMs) };
  }

  async revokeToken(tokenId: string): Promise<void> {
    await this.leading().ask({ type: "revoke_token", tokenId });
  }

  async explain(ref: { runId: string; taskId: string }): Promise<Explanation> {
    const { state } = this.leading();
    const task = state.runs.get(asRunId(ref.runId))?.tasks.get(asTaskId(ref.taskId));
    if (task) return explain(state, task);
    const past = await this.options.readModel.task(ref.runId, ref.taskId);
    if (!past) throw assayError("not_found", `No run ${ref.runId} has a task ${ref.taskId}.`);
    const summary = past.failure_class
      ? `Failed (${past.failure_class}) after ${past.attempts} attempts.`
      : `Is ${past.status}, after ${past.attempts} attempts.`;
    return {
      run_id: past.run_id,
      task_id: past.task_id,
      state: past.status,
      summary,
      waiting_for: [],
      not_before: null,
      ahead: null,
      expected_start: null,
      would_preempt: null,
      claimed: [],
      workers: [],
    };
  }

  status(): StatusResponse {
    const { state } = this.leading();
    const none = workerStates.map((one) => [one, 0] as const);
    const workers = Object.fromEntries(none) as StatusResponse["workers"];
    for (const worker of state.workers.values()) workers[worker.state] += 1;
    return {
      assay_version: ASSAY_VERSION,
      protocol_version: PROTOCOL_VERSION,
      epoch: state.epoch,
      seq: this.options.committedSeq(),
      started_at: isoTime(this.options.startedAtMs),
      workers,
      tasks: { ...state.counts },
      active_runs: [...state.runs.values()].filter((run) => run.state === "running").length,
    };
  }

  ready(): boolean {
    return !(this.options.leader() instanceof AssayError);
  }

  private actorOf(sha256: string): Result<Actor, Fault> {
    const leader = this.options.leader();
    if (leader instanceof AssayError) return err(fault("not_leader", "This coordinator does not lead now."));
    const record = leader.state.tokens.get(sha256);
    // A code is good for its exchange, and for nothing else.
    if (!record || record.role === "join_code") return err(fault("unauthenticated", "The token is not known."));
    if (record.revoked) return err(fault("token_revoked", `The token ${record.name} was revoked.`));
    if (record.expiresAtMs !== null && record.expiresAtMs <= this.options.clock.nowMs()) {
      return err(fault("token_expired", `The token ${record.name} expired at ${isoTime(record.expiresAtMs)}.`));
    }
    const { tokenId, name, role } = record;
    return ok(role === "tab" ? { tokenId, name, role, tab: record.tab } : { tokenId, name, role });
  }

  private leading(): Leader {
    const leader = this.options.leader();
    if (leader instanceof AssayError) throw leader;
    return leader;
  }
}
