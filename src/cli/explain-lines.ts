import type { Explanation } from "../contracts/index.ts";
import { good, out, waiting } from "../reports/index.ts";
import { countText, durationText } from "./quantities.ts";
import { painted, stateText } from "./state-words.ts";
import { harmless, paint } from "./style.ts";
import type { Style } from "./style.ts";

/** More workers than this do not fit on a screen beside the rest. */
const MAX_WORKERS = 12;

interface Look {
  style: Style;
  /** Worker id to name. */
  names: ReadonlyMap<string, string>;
  nowMs: number;
}

/** Why a task waits, on one screen: what it waits for, its place, what would make room for it, and each worker's reasons. */
export function explanationLines(explanation: Explanation, look: Look): string[] {
  const { style } = look;
  const named = (text: string): string => harmless(withNames(text, look.names));
  const facts = waitFacts(explanation, look.nowMs);
  const width = Math.max(...facts.map(([label]) => label.length));
  return [
    `${stateText(style, explanation.state)} ${explanation.task_id}: ${named(explanation.summary)}`,
    ...facts.map(([label, text]) => `  ${paint(style, "dim", label.padEnd(width))}  ${named(text)}`),
    ...workerLines(explanation, style).map((line) => withNames(line, look.names)),
  ];
}

function waitFacts(explanation: Explanation, nowMs: number): [label: string, text: string][] {
  const { waiting_for, not_before, ahead, expected_start, would_preempt, claimed, workers } = explanation;
  const facts: [string, string | null][] = [
    ["waits for", waiting_for.length === 0 ? null : listText(waiting_for)],
    ["not before", not_before === null ? null : timeText(not_before, nowMs)],
    ["position", ahead === null || !workers.some(({ fits }) => fits) ? null : `${countText(ahead, "task")} ahead`],
    ["expected start", expected_start === null ? null : timeText(expected_start, nowMs)],
    [
      "would preempt",
      would_preempt === null
        ? null
        : `${would_preempt.task_id} of run ${would_preempt.run_id}, priority ${would_preempt.priority}, on ${would_preempt.worker_id}`,
    ],
    ["kept free for it", claimed.length === 0 ? null : listText(claimed)],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}

/** Which workers fit says something only while a worker is looked for. Those that fit come first. */
function workerLines({ state, workers }: Explanation, style: Style): string[] {
  if (state !== "queued" && state !== "blocked") return [];
  const rank = ({ fits, reasons }: Explanation["workers"][number]): number => (fits ? Math.min(1, reasons.length) : 2);
  const sorted = [...workers].sort((a, b) => rank(a) - rank(b));
  const lines = sorted.slice(0, MAX_WORKERS).map((worker) => {
    const reasons = worker.reasons.length === 0 ? "" : `: ${harmless(worker.reasons.join("; "))}`;
    return `  ${signOf(rank(worker), style)} ${worker.worker_id}${reasons}`;
  });
  const left = sorted.slice(MAX_WORKERS);
  if (left.length === 0) return lines;
  const fitting = left.filter(({ fits }) => fits).length;
  return [...lines, `  and ${left.length} more, of which ${fitting} would fit`];
}

function signOf(rank: number, style: Style): string {
  if (rank === 0) return painted(style, good("free"));
  if (rank === 1) return painted(style, waiting("fits, but not now"));
  return painted(style, out("does not fit"));
}

function listText(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(", ");
  return names.length > 10 ? `${shown} and ${names.length - 10} more` : shown;
}

function timeText(time: string, nowMs: number): string {
  const seconds = (Date.parse(time) - nowMs) / 1000;
  return seconds < 1 ? "now" : `in about ${durationText(seconds)}, ${time}`;
}

/** Ids of workers in a text become what people call them. */
function withNames(text: string, names: ReadonlyMap<string, string>): string {
  return text.replaceAll(/(?:worker-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => names.get(id) ?? id);
}
