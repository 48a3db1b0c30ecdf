import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clue, Framework, FrameworkPlace } from "../framework.ts";
import { listNode, manifestClue, nodeProgram } from "../node-program.ts";
import type { NodeProgram } from "../node-program.ts";
import { NodeSession } from "../node-session.ts";
import { exactName } from "../test-name.ts";

const runner = fileURLToPath(new URL("./node-test-runner.mjs", import.meta.url));

/** Where tests of node:test usually are. */
const FOLDERS = [".", "test", "tests", "src"];

export const nodeTest: Framework = {
  name: "node-test",
  async clue(folder) {
    return (await manifestClue(folder, "", /\bnode\b.*--test\b/)) ?? (await importClue(folder));
  },
  reproduce: ({ id, file }) => ["node", "--test", ...exactName("--test-name-pattern", id), file],
  async discover(place) {
    return listNode(program(place), place);
  },
  async open(options) {
    return NodeSession.open(program(options), options);
  },
};

/** A file with the name of a test that imports node:test. */
async function importClue(folder: string): Promise<Clue | null> {
  for (const under of FOLDERS) {
    const names = await readdir(join(folder, under)).catch(() => []);
    for (const name of names.filter((one) => /\.[cm]?[jt]s$/.test(one) && /test/.test(`${under}/${one}`))) {
      const file = under === "." ? name : `${under}/${name}`;
      const text = await readFile(join(folder, file), "utf8").catch(() => "");
      if (/(from|require\(|import\()\s*["']node:test["']/.test(text)) {
        return { file, reason: `${file} imports node:test` };
      }
    }
  }
  return null;
}

/** Options for Node itself, which it passes on to the processes of the files; other arguments are patterns of files. */
function program(place: FrameworkPlace): NodeProgram {
  const options = place.arguments.filter((argument) => argument.startsWith("-") && argument !== "--test");
  const byHand = ["node --test", ...place.arguments].join(" ");
  return nodeProgram({ framework: "node-test", version: null, command: ["node", ...options, runner], byHand });
}
