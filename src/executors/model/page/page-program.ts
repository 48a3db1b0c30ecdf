/**
 * The program of a page that runs models, bundled with all it needs: takes one assignment from whoever opened the page, and tells it
 * progress and one final message. A program, not a module: nothing imports it.
 */
import { InferenceRun } from "../inference-run.ts";
import { pageHost } from "./page-host.ts";
import type { PageAssignment, PageBridge } from "./page-messages.ts";

const bridge = globalThis as unknown as PageBridge;

bridge.assayRun = (assignment) => void answer(assignment);

async function answer(assignment: PageAssignment): Promise<void> {
  const run = new InferenceRun(assignment.request, pageHost(assignment, bridge), {
    progress: (progress) => void bridge.assayTell({ type: "progress", progress }),
    // Who cancels closes the page.
    signal: new AbortController().signal,
  });
  await bridge.assayTell(await run.outcome());
}
