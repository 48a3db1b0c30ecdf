import { fileURLToPath } from "node:url";
import type { Framework, FrameworkPlace } from "../framework.ts";
import { installedVersion, listNode, manifestClue, nodeProgram, settingsClue } from "../node-program.ts";
import type { NodeProgram } from "../node-program.ts";
import { NodeSession } from "../node-session.ts";
import { exactName } from "../test-name.ts";

const runner = fileURLToPath(new URL("./jest-runner.mjs", import.meta.url));

const CONFIGS = ["js", "ts", "mjs", "cjs", "json"].map((suffix) => `jest.config.${suffix}`);

export const jest: Framework = {
  name: "jest",
  async clue(folder) {
    return (await settingsClue(folder, "jest", CONFIGS)) ?? (await manifestClue(folder, "jest", /\bjest\b/));
  },
  reproduce: ({ id, file }) => ["npx", "jest", "--runTestsByPath", file, ...exactName("-t", id)],
  async discover(place) {
    return listNode(await program(place), place);
  },
  async open(options) {
    return NodeSession.open(await program(options), options);
  },
};

async function program(place: FrameworkPlace): Promise<NodeProgram> {
  const version = await installedVersion("jest", place);
  const byHand = ["npx jest --listTests", ...place.arguments].join(" ");
  return nodeProgram({ framework: "jest", version, command: ["node", runner], byHand });
}
