import puppeteer from "puppeteer-core";
import type { Browser, LaunchOptions } from "puppeteer-core";
import type { BrowserName } from "../backends/backend-names.ts";

const LAUNCH_LIMIT_MS = 60_000;

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

/** Starts a browser without a window. The only file that loads what drives browsers. */
export function launchBrowser(name: BrowserName, executablePath: string): Promise<Browser> {
  const shared: LaunchOptions = {
    executablePath,
    timeout: LAUNCH_LIMIT_MS,
    // A run takes as long as it takes: its end is told, not awaited in one call.
    protocolTimeout: 0,
  };
  if (name === "firefox") {
    const extraPrefsFirefox = { "dom.webgpu.enabled": true, "gfx.webgpu.ignore-blocklist": true };
    return puppeteer.launch({ ...shared, browser: "firefox", headless: true, extraPrefsFirefox });
  }
  return puppeteer.launch({
    ...shared,
    headless: name === "headless-shell" ? "shell" : true,
    args: chromiumArguments,
    // A browser on a pipe ends with the process that started it, however that ends.
    pipe: true,
  });
}
