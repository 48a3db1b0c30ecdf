import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// Debian's, where it is; else the one that `npx playwright install chromium` brings.
const chromium = "/usr/bin/chromium";
const own = existsSync(chromium) ? { executablePath: chromium } : {};

export default defineConfig({
  retries: 1,
  use: { launchOptions: { ...own, args: ["--no-sandbox"] }, screenshot: "only-on-failure" },
  projects: [{ name: "chromium" }],
});
