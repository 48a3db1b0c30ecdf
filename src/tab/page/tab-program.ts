/**
 * The program of the page that makes a worker of its tab: asks for a code unless this browser has joined before, and works until it is
 * left, closed or refused. A program, not a module: nothing imports it.
 */
import { config } from "zod";
import { AssayError, errorMessage } from "../../base/index.ts";
import { createClient } from "../../client/index.ts";
import { faultError } from "../../contracts/index.ts";
import type { JoinResponse } from "../../contracts/index.ts";
import type { Worker } from "../../worker/index.ts";
import { page } from "./browser.ts";
import { Seat } from "./seat.ts";
import { TabView } from "./tab-view.ts";
import { makeTabWorker } from "./tab-worker.ts";
import { keepAwake } from "./wake-lock.ts";

/** The page's policy forbids code that is made of text. */
config({ jitless: true });

const STATUS_MS = 500;
/** With these this browser is nobody any more. */
const NO_LONGER: ReadonlySet<string> = new Set(["unauthenticated", "token_expired", "token_revoked"]);

const view = new TabView();
let worker: Worker | null = null;
let left = false;

async function main(): Promise<void> {
  if (!page.isSecureContext)
    throw new Error("Browsers let a page work only over https, or on the machine itself. Serve with --tls-cert.");
  // The address stays, the secret goes: out of the history, too.
  const code = page.location.hash.slice(1);
  page.history.replaceState(null, "", page.location.pathname);
  const seat = await Seat.take();
  view.askForCode((typed) => attempt(() => join(seat, typed)));
  view.onLeave(() => {
    left = true;
    stop("the person at the tab left");
  });
  page.addEventListener("pagehide", () => stop("the tab was closed"));
  // A page that the browser kept has no connection any more, and has said goodbye.
  page.addEventListener("pageshow", ({ persisted }) => persisted && page.location.reload());
  await begin(seat, code);
}

/** Works as who this browser is, else as who the code makes of it. */
async function begin(seat: Seat, code: string): Promise<void> {
  const { identity } = seat;
  try {
    if (identity !== null) return await work(seat, identity);
  } catch (error) {
    if (code === "" || seat.identity !== null) throw error;
  }
  if (code === "") return ask(null);
  await join(seat, code);
}

/** Whatever goes wrong, the person at the tab is told. */
function attempt(action: () => Promise<void>): void {
  action().catch((error: unknown) =>
    ask(error instanceof AssayError ? `${error.message} ${error.next}` : errorMessage(error)),
  );
}

function ask(problem: string | null): void {
  view.say("Not joined");
  view.problem(problem);
  view.showForm(page.isSecureContext);
}

function stop(reason: string): void {
  void worker?.stop({ deadlineMs: 0, reason });
}

async function join(seat: Seat, code: string): Promise<void> {
  view.showForm(false);
  view.say("Joining …");
  view.problem(null);
  const identity = await createClient({ baseUrl: page.location.origin, token: "" }).join(code);
  seat.settle(identity);
  await work(seat, identity);
}

/** Works until it is stopped; throws what makes it pointless to go on. */
async function work(seat: Seat, identity: JoinResponse): Promise<void> {
  view.say("Trying what this browser can do …");
  const made = await makeTabWorker(identity, seat, view);
  worker = made.worker;
  left = false;
  view.showWorker(identity, made.capabilities);
  const sleepy = keepAwake();
  const looks = setInterval(() => view.status(made.worker.status), STATUS_MS);
  try {
    const fault = await made.worker.run();
    if (left || (fault !== null && NO_LONGER.has(fault.code))) seat.clear();
    if (fault !== null) throw faultError(fault);
    view.say(left ? "Left. Thank you." : "Stopped by the coordinator. Reload to work on.");
  } finally {
    worker = null;
    clearInterval(looks);
    sleepy();
    view.hideWorker();
  }
}

attempt(main);
