/**
 * The program of the page that makes a worker of its tab: asks for a code unless this browser has joined before, and works until it is
 * left, closed or refused. A program, not a module: nothing imports it.
 */
import { config } from "zod";
import { AssayError, errorMessage } from "../../base/index.ts";
import { createClient } from "../../client/index.ts";
import type { JoinResponse } from "../../contracts/index.ts";
import { page } from "./browser.ts";
import { Seat } from "./seat.ts";
import { TabView } from "./tab-view.ts";
import { makeTabWorker } from "./tab-worker.ts";
import { keepAwake } from "./wake-lock.ts";

/** The page's policy forbids code that is made of text. */
config({ jitless: true });

const STATUS_MS = 500;
/** With these this browser is nobody any more. */
const NO_LONGER: ReadonlySet<string> = new Set(["unauthenticated", "token_expired", "token_revoked", "not_found"]);

const view = new TabView();

async function main(): Promise<void> {
  if (!page.isSecureContext) {
    view.say("Not joined");
    return view.problem("Browsers let a page work only over https, or on the machine itself. Serve with --tls-cert.");
  }
  const seat = await Seat.take();
  view.askForCode((code) => void join(seat, code));
  // The address stays, the secret goes: out of the history, too.
  const code = page.location.hash.slice(1);
  page.history.replaceState(null, "", page.location.pathname);
  const { identity } = seat;
  if (identity !== null) return work(seat, identity);
  if (code === "") return ask(null);
  return join(seat, code);
}

function ask(problem: string | null): void {
  view.say("Not joined");
  view.problem(problem);
  view.hideWorker();
  view.showForm(true);
}

async function join(seat: Seat, code: string): Promise<void> {
  view.say("Joining …");
  view.problem(null);
  try {
    const identity = await createClient({ baseUrl: page.location.origin, token: "" }).join(code);
    seat.settle(identity);
    await work(seat, identity);
  } catch (error) {
    ask(error instanceof AssayError ? `${error.message} ${error.next}` : errorMessage(error));
  }
}

async function work(seat: Seat, identity: JoinResponse): Promise<void> {
  view.showForm(false);
  view.say("Trying what this browser can do …");
  const { worker, capabilities } = await makeTabWorker(identity, seat, view);
  view.showWorker(identity, capabilities);
  const sleepy = keepAwake();
  const looks = setInterval(() => view.status(worker.status), STATUS_MS);
  let left = false;
  view.onLeave(() => {
    left = true;
    void worker.stop({ deadlineMs: 0, reason: "the person at the tab left" });
  });
  page.addEventListener("pagehide", () => void worker.stop({ deadlineMs: 0, reason: "the tab was closed" }));
  // A page that the browser kept has no connection any more, and has said goodbye.
  page.addEventListener("pageshow", ({ persisted }) => persisted && page.location.reload());
  const fault = await worker.run();
  clearInterval(looks);
  sleepy();
  view.hideWorker();
  if (left || (fault !== null && NO_LONGER.has(fault.code))) seat.clear();
  if (fault === null) return view.say(left ? "Left. Thank you." : "Stopped by the coordinator. Reload to work on.");
  ask(`${fault.message} ${fault.next}`);
}

void main();
