import { fileURLToPath } from "node:url";
import type { Framework, FrameworkPlace } from "../framework.ts";
import { installedVersion, listNode, manifestClue, nodeProgram, settingsClue } from "../node-program.ts";
import type { NodeProgram } from "../node-program.ts";
import { NodeSession } from "../node-session.ts";
import { exactName } from "../test-name.ts";

const runner = fileURLToPath(new URL("./vitest-runner.mjs", import.meta.url));

const CONFIGS = ["ts", "mts", "js", "mjs"].map((suffix) => `vitest.config.${suffix}`);

export const vitest: Framework = {
  name: "vitest",
  async clue(folder) {
    return (await settingsClue(folder, "vitest", CONFIGS)) ?? (await manifestClue(folder, "vitest", /\bvitest\b/));
  },
  reproduce: ({ id, file }) => ["npx", "vitest", "run", file, ...exactName("-t", id)],
  async discover(place, detail) {
    return listNode(await program(place), place, detail);
  },
  async open(options) {
    return NodeSession.open(await program(options), options);
  },
};

async function program(place: FrameworkPlace): Promise<NodeProgram> {
  const version = await installedVersion("vitest", place);
  const byHand = ["npx vitest list", ...place.arguments].join(" ");
  return nodeProgram({ framework: "vitest", version, command: ["node", runner], byHand });
}
