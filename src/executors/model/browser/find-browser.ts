import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { assayError } from "../../../contracts/index.ts";
import type { BrowserName } from "../backends/backend-names.ts";
import { headlessShell } from "./headless-shell.ts";

type Environment = Readonly<Record<string, string | undefined>>;

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
      : installed(programs[name], where.env);
  if (found === undefined) {
    throw assayError("dependency_missing", `The browser ${name} is not on this machine`, { next: howToInstall[name] });
  }
  return found;
}

function installed(names: readonly string[], env: Environment): string | undefined {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return names
    .flatMap((name) => (/[\\/]/.test(name) ? [name] : folders.map((folder) => join(folder, name))))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
