import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { tmpdir } from "node:os";
import puppeteer from "puppeteer-core";
import type { Browser, LaunchOptions } from "puppeteer-core";
import { errorMessage } from "../../../base/index.ts";
import { assayError } from "../../../contracts/index.ts";
import type { BrowserName } from "../backends/backend-names.ts";
import { startAdvice } from "./start-advice.ts";

const LAUNCH_LIMIT_MS = 60_000;
const LAST_WORDS_CHARACTERS = 2_000;

const chromiumArguments = [
  // WebGPU also on adapters that Chromium does not trust, which are all on Linux, and on its software renderer.
  "--enable-unsafe-webgpu",
  "--enable-features=WebMachineLearningNeuralNetwork",
  "--js-flags=--expose-gc",
  // Nothing but this machine: a page that could load something would measure the network.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  // Chromium's sandbox cannot be had by root; the page holds nothing but our own program.
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];

export interface Launch {
  readonly name: BrowserName;
  readonly executablePath: string;
  /** Stops the launch; `launchBrowser` then rejects with its reason. Means nothing to a browser that has started. */
  readonly signal: AbortSignal;
  /** Called once its process runs, before it answers. */
  readonly onStarted: (pid: number) => void;
  /** Default: a minute. */
  readonly limitMs?: number;
}

/**
 * Starts a browser without a window. The only file that loads what drives browsers. Throws `browser_not_started` with the browser's last
 * words; nothing of it runs then.
 */
export async function launchBrowser(launch: Launch): Promise<Browser> {
  const { name, executablePath, signal, limitMs = LAUNCH_LIMIT_MS } = launch;
  const attempt = new LaunchAttempt(launch.onStarted);
  const stopped = (): void => attempt.stop("it was stopped");
  const timer = setTimeout(() => attempt.stop(`it gave no answer within ${limitMs / 1000} s`), limitMs);
  signal.addEventListener("abort", stopped, { once: true });
  try {
    signal.throwIfAborted();
    return await puppeteer.launch(optionsFor(name, { executablePath, signal: attempt.signal, timeout: limitMs }));
  } catch (cause) {
    signal.throwIfAborted();
    const words = attempt.lastWords.trim();
    const why = `${attempt.problem ?? errorMessage(cause)}${words === "" ? "" : `; its last words: ${words}`}`;
    const advice = startAdvice(executablePath, words);
    throw assayError("browser_not_started", `${executablePath} did not start: ${why}`, { cause, ...advice });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stopped);
    attempt.end();
  }
}

function optionsFor(name: BrowserName, given: LaunchOptions): LaunchOptions {
  const shared: LaunchOptions = {
    ...given,
    // A run takes as long as it takes: its end is told, not awaited in one call.
    protocolTimeout: 0,
    // Browsers keep some things there, whatever their profile is.
    env: { ...process.env, HOME: process.env["HOME"] ?? tmpdir() },
  };
  if (name === "firefox") {
    const extraPrefsFirefox = { "dom.webgpu.enabled": true, "gfx.webgpu.ignore-blocklist": true };
    return { ...shared, browser: "firefox", headless: true, extraPrefsFirefox };
  }
  return {
    ...shared,
    headless: name === "headless-shell" ? "shell" : true,
    args: chromiumArguments,
    // A browser on a pipe ends with the process that started it, however that ends.
    pipe: true,
  };
}

/** Follows the process that is started: the library hands it out only once the browser has answered, and keeps its words to itself. */
class LaunchAttempt {
  lastWords = "";
  /** Why there is no browser, where we know better than the library. */
  problem: string | undefined;
  private readonly stopping = new AbortController();
  private readonly onStarted: (pid: number) => void;

  constructor(onStarted: (pid: number) => void) {
    this.onStarted = onStarted;
    subscribe("child_process", this.follow);
  }

  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  stop(problem: string): void {
    this.problem ??= problem;
    this.stopping.abort();
  }

  end(): void {
    unsubscribe("child_process", this.follow);
  }

  private readonly follow = (message: unknown): void => {
    const { process: child } = message as { process: ChildProcess };
    child.once("error", (error) => this.stop(error.message));
    child.once("spawn", () => {
      if (child.pid !== undefined) this.onStarted(child.pid);
      child.stderr?.on("data", (text: Buffer) => {
        this.lastWords = (this.lastWords + text.toString()).slice(-LAST_WORDS_CHARACTERS);
      });
    });
  };
}
