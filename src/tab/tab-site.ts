import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Readable } from "node:stream";
import { memoized, siblingModule } from "../base/index.ts";
import { bundleForBrowser, bundleTabRun, webRuntime } from "../executors/index.ts";
import { JOIN_PAGE, JOIN_STYLE } from "./join-page.ts";

/** Where the site is mounted. */
const ROOT = "/join";
const SCRIPT = "text/javascript; charset=utf-8";
const runtimeTypes: Readonly<Record<string, string>> = { ".mjs": SCRIPT, ".wasm": "application/wasm" };

export interface TabFile {
  contentType: string;
  content: string | Readable;
  /** Its address changes when it does. */
  lasting: boolean;
}

export interface TabSite {
  /** The file of this name, empty for the page itself; null when there is none. */
  file(name: string): Promise<TabFile | null>;
}

/** The files of the page, its programs bundled when first asked for. Only names of a fixed list are files. */
export function openTabSite(): TabSite {
  const { folder, version } = webRuntime();
  const runtime = `runtime/${version}`;
  const address = `${ROOT}/${runtime}`;
  const pageProgram = memoized(() => bundleForBrowser(siblingModule(import.meta.url, "./page/tab-program"), address));
  const runProgram = memoized(() => bundleTabRun(address));
  const runtimeFiles = memoized(async () => new Set((await readdir(folder)).map((name) => `${runtime}/${name}`)));
  return {
    async file(name) {
      if (name === "") return text("text/html; charset=utf-8", JOIN_PAGE);
      if (name === "page.css") return text("text/css; charset=utf-8", JOIN_STYLE);
      if (name === "page.mjs") return text(SCRIPT, await pageProgram());
      if (name === "run.mjs") return text(SCRIPT, await runProgram());
      const contentType = runtimeTypes[extname(name)];
      if (contentType === undefined || !(await runtimeFiles()).has(name)) return null;
      const content = createReadStream(join(folder, name.slice(runtime.length)));
      return { contentType, content, lasting: true };
    },
  };
}

function text(contentType: string, content: string): TabFile {
  return { contentType, content, lasting: false };
}
