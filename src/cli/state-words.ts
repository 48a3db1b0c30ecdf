import type { AttemptState, RunState, TaskState, WorkerState } from "../contracts/index.ts";
import { paint, plain } from "./style.ts";
import type { Colour, Style } from "./style.ts";

/** How a state is told: word, sign and colour, so that none of them is needed alone. */
interface StateWord {
  word: string;
  sign: string;
  colour: Colour;
}

const word = (sign: string, text: string, colour: Colour): StateWord => ({ sign, word: text, colour });

const waiting = (text: string): StateWord => word("~", text, "dim");
const good = (text: string): StateWord => word("✓", text, "green");
const bad = (text: string): StateWord => word("✕", text, "red");
const trouble = (text: string): StateWord => word("!", text, "yellow");
const active = (text: string): StateWord => word("▶", text, "cyan");
const out = (text: string): StateWord => word("–", text, "dim");

type AnyState = TaskState | AttemptState | RunState | WorkerState;

const stateWords: Readonly<Record<AnyState, StateWord>> = {
  blocked: waiting("blocked"),
  queued: waiting("queued"),
  leased: waiting("leased"),
  running: active("running"),
  completed: good("completed"),
  succeeded: good("succeeded"),
  failed: bad("failed"),
  cancelled: out("cancelled"),
  skipped: out("skipped"),
  timed_out: trouble("timed out"),
  lost: trouble("lost"),
  preempted: out("preempted"),
  ready: good("ready"),
  suspect: trouble("suspect"),
  flapping: trouble("flapping"),
  quarantined: bad("quarantined"),
  draining: out("draining"),
  left: out("left"),
};
const errorWord = trouble("error");

/** A state as sign and word. A task that failed for another reason than its own test is an `error`, not `failed`. */
export function stateText(style: Style, state: AnyState, failureClass: string | null = null): string {
  const { sign, word: text, colour } = wordOf(state, failureClass);
  return paint(style, colour, plain(style, `${sign} ${text}`));
}

/** An answer that is yes or no. */
export function verdict(style: Style, yes: boolean, text: string): string {
  return paint(style, yes ? "green" : "red", plain(style, `${yes ? "✓" : "✕"} ${text}`));
}

function wordOf(state: AnyState, failureClass: string | null): StateWord {
  return state === "failed" && failureClass !== null && failureClass !== "assertion" ? errorWord : stateWords[state];
}
