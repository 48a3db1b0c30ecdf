import { assayError } from "../../../contracts/index.ts";
import type { BrowserName } from "../backends/backend-names.ts";
import { programsOnPath } from "../programs-on-path.ts";
import type { Environment } from "../programs-on-path.ts";
import { headlessShell } from "./headless-shell.ts";

/** Programs on the PATH, and where installers put them, the preferred one first. */
const programs: Readonly<Record<Exclude<BrowserName, "headless-shell">, readonly string[]>> = {
  chromium: [
    ...["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome"],
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    String.raw`C:\Program Files\Google\Chrome\Application\chrome.exe`,
    String.raw`C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe`,
  ],
  firefox: [
    ...["firefox", "firefox-esr"],
    "/Applications/Firefox.app/Contents/MacOS/firefox",
    String.raw`C:\Program Files\Mozilla Firefox\firefox.exe`,
  ],
};

const howToInstall: Readonly<Record<BrowserName, string>> = {
  chromium: "Install Chromium or Chrome so that it is on the PATH of the worker.",
  "headless-shell": "Install the npm package `@sparticuz/chromium` (Linux on x64).",
  firefox: "Install Firefox so that it is on the PATH of the worker.",
};

/** The path of a browser's executable. Throws `dependency_missing`. */
export async function findBrowser(name: BrowserName, where: { cacheDir: string; env: Environment }): Promise<string> {
  const found =
    name === "headless-shell"
      ? (await headlessShell(where.cacheDir))?.executable
      : programsOnPath(programs[name], where.env)[0];
  if (found === undefined) {
    throw assayError("dependency_missing", `The browser ${name} is not on this machine`, { next: howToInstall[name] });
  }
  return found;
}
