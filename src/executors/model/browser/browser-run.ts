import { tmpdir } from "node:os";
import type { Browser, Page } from "puppeteer-core";
import { assert, systemClock } from "../../../base/index.ts";
import { isGenerated, resolveModel } from "../../../models/index.ts";
import { createPlatform } from "../../../platform/index.ts";
import { backendFacts } from "../backends/backend-names.ts";
import type { RunControl } from "../inference-host.ts";
import type { ChildMessage, FinalMessage, ModelRunRequest } from "../messages.ts";
import type { PageAssignment, PageBridge } from "../page/page-messages.ts";
import { BrowserUsage } from "./browser-usage.ts";
import { findBrowser } from "./find-browser.ts";
import { launchBrowser } from "./launch-browser.ts";
import { bundlePageProgram } from "./page-bundle.ts";
import { servePage } from "./page-server.ts";

/** Runs a model in a page of a browser that is started for it. Rejects for what prevents the page from starting. */
export async function runInBrowser(request: ModelRunRequest, control: RunControl): Promise<FinalMessage> {
  const { browser: name } = backendFacts[request.backend];
  assert(name !== undefined, `${request.backend} runs in a browser`);
  const { cacheDir, precision } = request;
  const model = await resolveModel(request.model, { cacheDir, precision, signal: control.signal });
  const executable = await findBrowser(name, { cacheDir, env: process.env });
  await using server = await servePage({ program: await bundlePageProgram(), modelFile: model.modelFile });
  const startMs = systemClock.monotonicMs();
  const browser = await launchBrowser(name, executable);
  try {
    const ending = new Ending(browser, control);
    const page = await browser.newPage();
    const usage = usageOf(browser);
    await build(page, ending, usage);
    await page.goto(server.address);
    await page.waitForFunction("globalThis.assayRun !== undefined");
    ending.watch(page);
    const assignment: PageAssignment = {
      request,
      model: { ...model, modelFile: server.modelAddress },
      hasReference: isGenerated(model),
      startedMs: systemClock.monotonicMs() - startMs,
      engine: (await browser.version()).replace("/", " "),
      memorySource: usage?.memoryBytes() === undefined ? "not_known" : "browser_private",
    };
    await page.evaluate((given) => (globalThis as unknown as PageBridge).assayRun(given), assignment);
    return await ending.message;
  } finally {
    await browser.close().catch(() => undefined);
  }
}

function usageOf(browser: Browser): BrowserUsage | undefined {
  const pid = browser.process()?.pid;
  return pid === undefined
    ? undefined
    : new BrowserUsage(createPlatform({ diskPath: tmpdir(), env: process.env }).processes, pid);
}

/** Gives the page its way to us, before its program starts. */
async function build(page: Page, ending: Ending, usage: BrowserUsage | undefined): Promise<void> {
  const bridge: Pick<PageBridge, "assayTell" | "assayAsk"> = {
    assayTell: (message) => Promise.resolve(ending.told(message)),
    assayAsk: (question) => usage?.answer(question) ?? Promise.resolve(null),
  };
  await page.exposeFunction("assayTell", bridge.assayTell);
  await page.exposeFunction("assayAsk", bridge.assayAsk);
  page.on("console", (message) => process.stderr.write(`${message.text()}\n`));
  page.on("pageerror", (error) => process.stderr.write(`${String(error)}\n`));
}

/** How the run ends: by the page's own word, by a cancellation, or with the page or the browser gone. */
class Ending {
  readonly message: Promise<FinalMessage>;
  private readonly control: RunControl;
  private readonly settle: (message: FinalMessage) => void;

  constructor(browser: Browser, control: RunControl) {
    const { promise, resolve } = Promise.withResolvers<FinalMessage>();
    this.message = promise;
    this.settle = resolve;
    this.control = control;
    control.signal.addEventListener("abort", () => this.settle({ type: "cancelled" }), { once: true });
    browser.on("disconnected", () => this.crashed("The browser ended before the run did"));
  }

  watch(page: Page): void {
    page.on("error", (error) => this.crashed(`The page crashed: ${error.message}`));
    page.on("close", () => this.crashed("The page was closed before the run ended"));
  }

  told(message: ChildMessage): void {
    if (message.type === "progress") this.control.progress(message.progress);
    else this.settle(message);
  }

  private crashed(message: string): void {
    this.settle({ type: "failed", failure: { class: "crash", message } });
  }
}
