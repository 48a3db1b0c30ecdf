import { fileURLToPath } from "node:url";
import type { Framework, FrameworkPlace } from "../framework.ts";
import { installedVersion, listNode, manifestClue, nodeProgram, settingsClue } from "../node-program.ts";
import type { NodeProgram } from "../node-program.ts";
import { NodeSession } from "../node-session.ts";
import { exactName } from "../test-name.ts";

const runner = fileURLToPath(new URL("./playwright-runner.mjs", import.meta.url));

const CONFIGS = ["ts", "js", "mts", "mjs", "cjs"].map((suffix) => `playwright.config.${suffix}`);

export const playwright: Framework = {
  name: "playwright",
  async clue(folder) {
    return (
      (await settingsClue(folder, "playwright", CONFIGS)) ??
      (await manifestClue(folder, "@playwright/test", /\bplaywright test\b/))
    );
  },
  reproduce: ({ id, file }) => {
    const project = /^\[([^\]]*)\] /.exec(id)?.[1];
    // Playwright puts the project and the file before a name.
    const name = exactName("--grep", id).map((word) => word.replace(/^\^/, " "));
    return ["npx", "playwright", "test", file, ...name, ...(project === undefined ? [] : [`--project=${project}`])];
  },
  async discover(place) {
    return listNode(await program(place), place);
  },
  async open(options) {
    return NodeSession.open(await program(options), options);
  },
};

async function program(place: FrameworkPlace): Promise<NodeProgram> {
  const version = await installedVersion("@playwright/test", place);
  const byHand = ["npx playwright test --list", ...place.arguments].join(" ");
  return nodeProgram({ framework: "playwright", version, command: ["node", runner], byHand });
}
