import type { AssignItem, CapabilityDocument, JoinResponse, ResultDocument } from "../../contracts/index.ts";
import type { WorkerStatus } from "../../worker/index.ts";
import { page } from "./browser.ts";
import type { PageElement } from "./browser.ts";

/** The page as its reader sees it. */
export class TabView {
  private count = 0;

  /** What is going on, in a few words. */
  say(state: string): void {
    element("state").textContent = state;
  }

  problem(text: string | null): void {
    element("problem").hidden = text === null;
    element("problem").textContent = text;
  }

  /** Asks for a code; calls `onCode` with what was typed. */
  askForCode(onCode: (code: string) => void): void {
    element("join").addEventListener("submit", (event) => {
      event.preventDefault();
      onCode(element("code").value);
    });
  }

  showForm(shown: boolean): void {
    element("join").hidden = !shown;
  }

  onLeave(leave: () => void): void {
    element("leave").addEventListener("click", leave);
  }

  showWorker({ name, pool }: JoinResponse, { runtimes }: CapabilityDocument): void {
    element("name").textContent = name;
    element("pool").textContent = pool;
    const lines = runtimes.map(({ backend, available, device, detail }) =>
      line(available ? `✓ ${backend}${device === undefined ? "" : `: ${device}`}` : `✗ ${backend}: ${detail}`),
    );
    element("backends").replaceChildren(...lines);
    element("work").hidden = false;
  }

  hideWorker(): void {
    element("work").hidden = true;
  }

  status({ connected, draining, running }: WorkerStatus): void {
    if (!connected) this.say("Connecting …");
    else if (draining) this.say("Connected; takes no more work");
    else this.say(running > 0 ? "Working" : "Connected, waiting for work");
  }

  started({ spec, attempt }: AssignItem): void {
    element("task").textContent = `${spec.task_id}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
    element("progress").hidden = false;
    element("progress").value = "0";
  }

  progress(fraction: number | undefined): void {
    if (fraction !== undefined) element("progress").value = String(fraction);
  }

  ended({ task_id: taskId, status, provenance, failure }: ResultDocument): void {
    this.count += 1;
    element("task").textContent = "nothing";
    element("progress").hidden = true;
    element("count").textContent = String(this.count);
    const more = failure === undefined ? (provenance?.proven === true ? ", proven" : "") : `: ${failure.message}`;
    element("results").prepend(line(`${taskId} ${status}${more}`));
  }
}

function line(text: string): PageElement {
  const item = page.document.createElement("li");
  item.textContent = text;
  return item;
}

function element(id: string): PageElement {
  const found = page.document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}
