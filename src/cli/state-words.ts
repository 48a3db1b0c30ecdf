import type { AttemptState, RunState, TaskState, WorkerState } from "../contracts/index.ts";
import { active, bad, good, out, signed, trouble, waiting } from "../reports/index.ts";
import type { StateWord } from "../reports/index.ts";
import { paint, plain } from "./style.ts";
import type { Style } from "./style.ts";

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
  return painted(style, wordOf(state, failureClass));
}

/** An answer that is yes or no. */
export function verdict(style: Style, yes: boolean, text: string): string {
  return painted(style, yes ? good(text) : bad(text));
}

/** Sign and word in their colour. */
export function painted(style: Style, state: StateWord): string {
  return paint(style, state.colour, plain(style, signed(state)));
}

function wordOf(state: AnyState, failureClass: string | null): StateWord {
  return state === "failed" && failureClass !== null && failureClass !== "assertion" ? errorWord : stateWords[state];
}
