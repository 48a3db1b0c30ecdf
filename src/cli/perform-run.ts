import { errorMessage } from "../base/index.ts";
import type { Client } from "../client/index.ts";
import { assayError } from "../contracts/index.ts";
import type { FeedEvent, RunView, SubmitRunInput, SubmitRunResponse } from "../contracts/index.ts";
import type { CliContext, Screen } from "./context.ts";
import { exitCodeOfRun } from "./exit-codes.ts";
import type { ExitCode } from "./exit-codes.ts";
import { countText } from "./quantities.ts";
import { RunDisplay } from "./run-display.ts";
import { workerNames } from "./worker-names.ts";

/** Where and how a run is submitted and watched. */
export interface RunSession {
  client: Client;
  /** Address of the coordinator, for links; null when it ends with the command. */
  baseUrl: string | null;
  context: CliContext;
  screen: Screen;
}

/** A run at its end, and what the command ends with. */
export interface EndedRun {
  run: RunView;
  url: string | null;
  exitCode: ExitCode;
}

/** What watches a run. */
interface Watch {
  display: RunDisplay;
  /** Ends the watching before the run has ended. */
  giveUp: AbortController;
}

/** Where a run can be looked at; null when nothing serves it after the command. */
export function runUrl(baseUrl: string | null, runId: string): string | null {
  return baseUrl === null ? null : `${baseUrl}/api/v1/runs/${encodeURIComponent(runId)}`;
}

/** Submits a run and says where it is. */
export async function submitRun(session: RunSession, request: SubmitRunInput): Promise<SubmitRunResponse> {
  const submitted = await session.client.submitRun(request);
  const url = runUrl(session.baseUrl, submitted.run_id);
  session.screen.info(
    `run ${submitted.run_id}: ${countText(submitted.tasks, "task")}${url === null ? "" : `, ${url}`}`,
  );
  return submitted;
}

/**
 * Submits a run and shows it until its end; `onEvent` sees each of its events. The first Ctrl-C cancels the run; what runs is told to stop, and the command ends
 * with the run. Errors: those of submitting, and coordinator_unreachable when it is lost on the way.
 */
export async function performRun(
  session: RunSession,
  request: SubmitRunInput,
  onEvent: (event: FeedEvent, runId: string) => void = () => {},
): Promise<EndedRun> {
  const { client, context, screen } = session;
  const { seq } = await client.status();
  const { run_id: runId, tasks } = await submitRun(session, request);
  const display = new RunDisplay({
    output: context.stderr,
    style: screen.errStyle,
    clock: context.clock,
    runId,
    tasks,
  });
  const giveUp = new AbortController();
  const cancel = (): void => void cancelRun(session, runId, { display, giveUp });
  context.interrupts.signal.addEventListener("abort", cancel, { once: true });
  try {
    if (context.interrupts.signal.aborted) cancel();
    const nameOf = await workerNames(client);
    for await (const event of client.events({ after: seq, run_id: runId }, giveUp.signal)) {
      display.event(await named(event, nameOf, client));
      onEvent(event, runId);
      if (display.progress.finished) break;
    }
  } finally {
    context.interrupts.signal.removeEventListener("abort", cancel);
    display.end();
  }
  if (giveUp.signal.aborted) throw assayError("interrupted", `run ${runId} could not be cancelled and may go on`);
  const run = await client.run(runId);
  const exitCode = context.interrupts.signal.aborted ? context.interrupts.exitCode : exitCodeOfRun(run);
  return { run, url: runUrl(session.baseUrl, runId), exitCode };
}

async function cancelRun({ client }: RunSession, runId: string, { display, giveUp }: Watch): Promise<void> {
  display.note([`cancelling ${runId}; Ctrl-C again stops at once`]);
  try {
    await client.cancelRun(runId, "interrupted");
  } catch (error) {
    display.note([`! ${errorMessage(error)}`]);
    giveUp.abort();
  }
}

/** The feed of a run does not tell of workers that come after its start, so an unknown one is looked up, once. */
async function named(event: FeedEvent, names: Map<string, string>, client: Client): Promise<FeedEvent> {
  const { worker_id: id } = event;
  if (id === undefined) return event;
  if (!names.has(id)) {
    for (const [known, name] of await workerNames(client)) names.set(known, name);
    if (!names.has(id)) names.set(id, id);
  }
  return { ...event, worker_id: names.get(id) ?? id };
}
