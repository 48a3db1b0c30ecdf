import { fileURLToPath } from "node:url";
import type { Framework, FrameworkPlace } from "../framework.ts";
import { installedVersion, listNode, manifestClue, nodeProgram, settingsClue } from "../node-program.ts";
import type { NodeProgram } from "../node-program.ts";
import { NodeSession } from "../node-session.ts";
import { exactName } from "../test-name.ts";

const runner = fileURLToPath(new URL("./mocha-runner.mjs", import.meta.url));

const CONFIGS = ["js", "cjs", "mjs", "yaml", "yml", "json", "jsonc"].map((suffix) => `.mocharc.${suffix}`);

export const mocha: Framework = {
  name: "mocha",
  async clue(folder) {
    return (await settingsClue(folder, "mocha", CONFIGS)) ?? (await manifestClue(folder, "mocha", /\bmocha\b/));
  },
  reproduce: ({ id, file }) => ["npx", "mocha", file, ...exactName("--grep", id)],
  async discover(place) {
    return listNode(await program(place), place);
  },
  async open(options) {
    return NodeSession.open(await program(options), options);
  },
};

async function program(place: FrameworkPlace): Promise<NodeProgram> {
  const version = await installedVersion("mocha", place);
  const byHand = ["npx mocha --dry-run", ...place.arguments].join(" ");
  return nodeProgram({ framework: "mocha", version, command: ["node", runner], byHand });
}
