import type { Command } from "commander";
import type { Explanation } from "../../contracts/index.ts";
import { clientFor, withConnection } from "../cli.ts";
import type { Cli } from "../cli.ts";
import type { ConnectionOptions } from "../connection.ts";
import { countText } from "../quantities.ts";
import { stateText } from "../state-words.ts";
import { harmless, paint, plain } from "../style.ts";
import type { Style } from "../style.ts";

export function addExplainCommand(program: Command, cli: Cli): void {
  withConnection(cli.command(program, "explain", "say why a task waits, or what it is doing"))
    .argument("<run>", "id of the run")
    .argument("<task>", "id of the task")
    .action(
      cli.action<ConnectionOptions>(async (invocation) => {
        const client = await clientFor(invocation);
        const [runId = "", taskId = ""] = invocation.args;
        const explanation = await client.explain(runId, taskId);
        invocation.screen.result(() => explanationLines(explanation, invocation.screen.outStyle), explanation);
        return undefined;
      }),
    );
}

function explanationLines(explanation: Explanation, style: Style): string[] {
  const { waiting_for: waitingFor, not_before: notBefore, ahead } = explanation;
  const waits = explanation.state === "queued" || explanation.state === "blocked";
  // Which workers fit says something only while a worker is looked for.
  const workers = waits ? explanation.workers : [];
  return [
    `${stateText(style, explanation.state)} ${explanation.task_id}: ${harmless(explanation.summary)}`,
    ...(waitingFor.length > 0 ? [`  waits for ${waitingFor.join(", ")}`] : []),
    ...(notBefore === null ? [] : [`  not before ${notBefore}`]),
    ...(ahead === null || !workers.some(({ fits }) => fits)
      ? []
      : [`  ${countText(ahead, "task")} ahead on the same workers`]),
    ...workers.map(({ worker_id: workerId, fits, reasons }) => {
      const sign = fits
        ? paint(style, "green", plain(style, "✓ fits"))
        : paint(style, "dim", plain(style, "– does not fit"));
      return `  ${sign} ${workerId}${reasons.length === 0 ? "" : `: ${harmless(reasons.join("; "))}`}`;
    }),
  ];
}
