import { tmpdir } from "node:os";
import type { Browser, Page } from "puppeteer-core";
import { assert, errorMessage, siblingModule, systemClock } from "../../../base/index.ts";
import { isGenerated, resolveModel } from "../../../models/index.ts";
import { createPlatform } from "../../../platform/index.ts";
import { backendFacts } from "../backends/backend-names.ts";
import type { RunControl } from "../inference-host.ts";
import type { ChildMessage, FinalMessage, ModelRunRequest } from "../messages.ts";
import type { PageAssignment, PageBridge } from "../page/page-messages.ts";
import { BrowserUsage } from "./browser-usage.ts";
import { findBrowser } from "./find-browser.ts";
import { launchBrowser } from "./launch-browser.ts";
import { pageProgram } from "./page-bundle.ts";
import { RUNTIME_ADDRESS, servePage } from "./page-server.ts";

/** Runs a model in a page of a browser that is started for it. Rejects for what prevents the page from starting. */
export async function runInBrowser(request: ModelRunRequest, control: RunControl): Promise<FinalMessage> {
  const { browser: name } = backendFacts[request.backend];
  assert(name !== undefined, `${request.backend} runs in a browser`);
  const { signal, progress } = control;
  const { cacheDir, precision } = request;
  const model = await resolveModel(request.model, { cacheDir, precision, signal });
  const executablePath = await findBrowser(name, { cacheDir, env: process.env });
  const source = siblingModule(import.meta.url, "../page/page-program");
  const program = await pageProgram(source, { runtimeAddress: RUNTIME_ADDRESS, cacheDir });
  await using server = await servePage({ program, model });
  const startMs = systemClock.monotonicMs();
  const onStarted = (pid: number): void => progress({ stage: "browser_started", pid });
  const browser = await launchBrowser({ name, executablePath, signal, onStarted });
  try {
    const engine = (await browser.version()).replace("/", " ");
    const ending = new Ending(control, `The page of ${engine} that runs ${request.model}`);
    const usage = usageOf(browser);
    const page = await browser.newPage();
    await build(page, ending, usage);
    ending.watch(browser, page);
    const assignment: PageAssignment = {
      request,
      model: { ...model, ...server.files },
      hasReference: isGenerated(model),
      startedMs: systemClock.monotonicMs() - startMs,
      engine,
      memorySource: usage?.memoryBytes() === undefined ? "not_known" : "browser_private",
    };
    // A page that crashes answers nothing more: whatever is asked of it may wait for ever.
    return await Promise.race([ending.message, begin(page, server.address, assignment).then(() => ending.message)]);
  } finally {
    await browser.close().catch(() => undefined);
  }
}

async function begin(page: Page, address: string, assignment: PageAssignment): Promise<void> {
  await page.goto(address);
  await page.waitForFunction("globalThis.assayRun !== undefined");
  await page.evaluate((given) => (globalThis as unknown as PageBridge).assayRun(given), assignment);
}

function usageOf(browser: Browser): BrowserUsage | undefined {
  const pid = browser.process()?.pid;
  return pid === undefined
    ? undefined
    : new BrowserUsage(createPlatform({ diskPath: tmpdir(), env: process.env }).processes, pid);
}

/** Gives the page its way to us, before its program starts. */
async function build(page: Page, ending: Ending, usage: BrowserUsage | undefined): Promise<void> {
  const bridge: Omit<PageBridge, "assayRun"> = {
    assayTell: (message) => Promise.resolve(ending.told(message)),
    assayMemory: () => Promise.resolve(usage?.memoryBytes() ?? null),
    assayWatchCpu: async () => usage?.watchCpu(),
    assayCpuUse: () => usage?.cpuUse() ?? Promise.resolve({ own: null, others: null }),
  };
  for (const [name, answer] of Object.entries(bridge)) await page.exposeFunction(name, answer);
  page.on("console", (message) => process.stderr.write(`${message.text()}\n`));
}

/** How the run ends: by the page's own word, by a cancellation, or with the page or the browser gone. */
class Ending {
  readonly message: Promise<FinalMessage>;
  private readonly control: RunControl;
  /** For messages. */
  private readonly place: string;
  private readonly settle: (message: FinalMessage) => void;

  constructor(control: RunControl, place: string) {
    const { promise, resolve } = Promise.withResolvers<FinalMessage>();
    this.message = promise;
    this.settle = resolve;
    this.control = control;
    this.place = place;
    const cancelled = (): void => this.settle({ type: "cancelled" });
    if (control.signal.aborted) cancelled();
    control.signal.addEventListener("abort", cancelled, { once: true });
  }

  watch(browser: Browser, page: Page): void {
    browser.on("disconnected", () => this.crashed("ended with its browser"));
    page.on("error", (error) => this.crashed(`crashed: ${error.message}`));
    page.on("close", () => this.crashed("was closed before the run ended"));
    page.on("pageerror", (error) => this.crashed(`met an error in its program: ${errorMessage(error)}`));
  }

  told(message: ChildMessage): void {
    if (message.type === "progress") this.control.progress(message.progress);
    else this.settle(message);
  }

  private crashed(how: string): void {
    this.settle({ type: "failed", failure: { class: "crash", message: `${this.place} ${how}` } });
  }
}
